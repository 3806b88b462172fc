import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { Problem } from '../../../app/Problem';
import { useECR } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { CopyButton } from '../../../parts/CopyButton';
import { readable } from './manifest';

/** A manifest may have 4 MiB; browsers show so many characters at once without a halt. */
const mostShown = 100_000;

/** The manifest of an image, read when it is asked for: that counts as a pull. */
export function ManifestSection({ repositoryName, digest }: { repositoryName: string; digest: string }) {
  const m = useMessages().images;
  const [asked, setAsked] = useState(false);
  const read = useECR('BatchGetImage', { repositoryName, imageIds: [{ imageDigest: digest }] }, { enabled: asked });
  const image = read.data?.images[0];
  const failure = read.data?.failures[0];
  return (
    <Container
      header={
        <Header variant="h2" description={m.manifestAdvice}>
          {m.manifest}
        </Header>
      }
    >
      <SpaceBetween size="m">
        {!image && (
          <Button loading={read.isFetching} onClick={() => setAsked(true)}>
            {m.showManifest}
          </Button>
        )}
        <Problem error={image ? undefined : (read.error ?? read.failureReason)} />
        {failure && <Box color="text-status-error">{failure.failureReason}</Box>}
        {image && <Content json={image.imageManifest} />}
      </SpaceBetween>
    </Container>
  );
}

function Content({ json }: { json: string }) {
  const m = useMessages().images;
  const format = useFormat();
  const { shown, whole } = readable(json, mostShown);
  return (
    <SpaceBetween size="xs">
      <CopyButton
        variant="button"
        textToCopy={json}
        copyButtonText={m.copyManifest}
        copyButtonAriaLabel={m.copyManifest}
      />
      <div className="command command-tall">
        <pre tabIndex={0} aria-label={m.json}>
          {shown}
        </pre>
      </div>
      {!whole && <Box color="text-body-secondary">{m.tooLong(format.bytes(json.length))}</Box>}
    </SpaceBetween>
  );
}

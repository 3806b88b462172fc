import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';

import { Problem } from '../../../app/Problem';
import { useECR } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { CopyButton } from '../../../parts/CopyButton';
import { Digest } from './columns';
import { readable, readManifest, type Descriptor } from './manifest';

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
  const manifest = readManifest(json);
  const { shown, whole } = readable(json, mostShown);
  const layers = manifest
    ? [
        ...(manifest.config ? [{ ...manifest.config, part: m.config }] : []),
        ...manifest.layers.map((layer, i) => ({ ...layer, part: format.number(i + 1) })),
      ]
    : [];
  return (
    <SpaceBetween size="l">
      {!manifest && <Box color="text-status-error">{m.notJSON}</Box>}
      {layers.length > 0 && (
        <Table<Descriptor & { part: string }>
          variant="embedded"
          items={layers}
          header={
            <Header
              variant="h3"
              description={m.layersOf(
                manifest!.layers.length,
                format.bytes(manifest!.layers.reduce((sum, layer) => sum + (layer.size ?? 0), 0)),
              )}
            >
              {m.layers}
            </Header>
          }
          columnDefinitions={[
            { id: 'part', header: m.layer, cell: (l) => l.part },
            {
              id: 'digest',
              header: m.digest,
              cell: (l) => <Digest digest={l.digest} />,
              isRowHeader: true,
              minWidth: 200,
            },
            {
              id: 'size',
              header: m.size,
              cell: (l) => (l.size === undefined ? '–' : format.bytes(l.size)),
              minWidth: 90,
            },
            { id: 'type', header: m.mediaType, cell: (l) => l.mediaType },
          ]}
        />
      )}
      {manifest && manifest.annotations.length > 0 && (
        <Table<[string, string]>
          variant="embedded"
          wrapLines
          items={manifest.annotations}
          header={<Header variant="h3">{m.annotations}</Header>}
          columnDefinitions={[
            { id: 'key', header: m.annotationKey, cell: ([key]) => key, isRowHeader: true },
            { id: 'value', header: m.annotationValue, cell: ([, value]) => value },
          ]}
        />
      )}
      <div>
        <Header
          variant="h3"
          actions={
            <CopyButton
              variant="button"
              textToCopy={json}
              copyButtonText={m.copyManifest}
              copyButtonAriaLabel={m.copyManifest}
            />
          }
        >
          {m.json}
        </Header>
        <div className="command command-tall">
          <pre tabIndex={0} aria-label={m.json}>
            {shown}
          </pre>
        </div>
        {!whole && <Box color="text-body-secondary">{m.tooLong(format.bytes(json.length))}</Box>}
      </div>
    </SpaceBetween>
  );
}

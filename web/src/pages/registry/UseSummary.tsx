import Container from '@cloudscape-design/components/container';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { Problem } from '../../app/Problem';
import { useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';

/** How clients name this registry: "push commands" of a repository say the rest. */
export function UseSummary() {
  const { registry: m, shell } = useMessages();
  const registry = useRegistry();
  const deployment = useTwinport('DescribeDeployment', {});
  const uri = (text: string) => (
    <CopyToClipboard
      variant="inline"
      textToCopy={text}
      copyButtonAriaLabel={m.copyAddress(text)}
      copySuccessText={shell.copied}
      copyErrorText={shell.copyFailed}
    />
  );
  return (
    <Container
      header={
        <Header variant="h2" description={m.useDescription}>
          {m.use}
        </Header>
      }
    >
      <SpaceBetween size="s">
        <Problem error={deployment.error} />
        <KeyValuePairs
          columns={2}
          items={[
            { label: m.hostForm, value: deployment.data ? uri(deployment.data.registryHost) : '–' },
            { label: m.pathForm, value: uri(`${location.host}/${registry.account}/${registry.region}`) },
            { label: m.endpoint, value: uri(location.origin) },
            { label: m.version, value: registry.version },
          ]}
        />
      </SpaceBetween>
    </Container>
  );
}

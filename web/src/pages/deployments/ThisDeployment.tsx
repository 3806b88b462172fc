import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { Problem } from '../../app/Problem';
import { useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { CopyButton } from '../../parts/CopyButton';
import { RotateKey } from './RotateKey';

/** What this deployment is to its peers. */
export function ThisDeployment() {
  const { deployments: m, shell } = useMessages();
  const f = useFormat();
  const { data, error } = useTwinport('DescribeDeployment', {});
  const id = data?.deploymentId;
  return (
    <Container
      header={
        <Header variant="h2" actions={data?.operator && <RotateKey />}>
          {m.here}
        </Header>
      }
    >
      <SpaceBetween size="s">
        <Problem error={error} />
        <KeyValuePairs
          columns={3}
          items={[
            { label: m.name, value: data?.deploymentName ?? '–' },
            { label: m.url, value: data ? (data.deploymentUrl ?? m.noURL) : '–' },
            {
              label: m.id,
              value: id ? (
                <CopyButton
                  variant="inline"
                  textToCopy={id}
                  textToDisplay={<code style={{ overflowWrap: 'anywhere' }}>{id}</code>}
                  copyButtonAriaLabel={`${shell.copy}: ${m.id}`}
                />
              ) : (
                '–'
              ),
            },
            { label: m.regions, value: data ? f.list(data.regions) : '–' },
            { label: m.version, value: data?.version ?? '–' },
            { label: m.stores, value: data ? m.storesAre[data.stores] : '–' },
          ]}
        />
      </SpaceBetween>
    </Container>
  );
}

import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';

import type { RegistryScanningRule } from '../../api/ecr';
import { Problem } from '../../app/Problem';
import { useECR } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';

/** How the registry's images are to be scanned, once something scans them. */
export function ScanningSummary() {
  const m = useMessages().registrySettings;
  const format = useFormat();
  const { data, error, refetch } = useECR('GetRegistryScanningConfiguration', {});
  const { scanType, rules } = data?.scanningConfiguration ?? { rules: [] };
  const rule = ({ scanFrequency, repositoryFilters }: RegistryScanningRule) =>
    m.scanRule(m.scanFrequencies[scanFrequency], format.list(repositoryFilters.map(({ filter }) => filter)));
  return (
    <SpaceBetween size="s">
      <Problem error={error} onRetry={() => void refetch()} />
      <Container
        header={
          <Header variant="h2" description={m.scanningDescription}>
            {m.scanning}
          </Header>
        }
      >
        <KeyValuePairs
          columns={2}
          items={[
            { label: m.scanType, value: scanType ? m.scanTypes[scanType] : '–' },
            {
              label: m.scanRules,
              value:
                rules.length > 0 ? (
                  <SpaceBetween size="xxs">
                    {rules.map((r, index) => (
                      <div key={index}>{rule(r)}</div>
                    ))}
                  </SpaceBetween>
                ) : data ? (
                  m.noScanRules
                ) : (
                  '–'
                ),
            },
          ]}
        />
      </Container>
    </SpaceBetween>
  );
}

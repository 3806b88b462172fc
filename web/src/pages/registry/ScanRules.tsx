import SpaceBetween from '@cloudscape-design/components/space-between';

import type { RegistryScanningRule } from '../../api/ecr';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';

/** The rules of a scanning configuration, a line each. */
export function ScanRules({ rules }: { rules: readonly RegistryScanningRule[] }) {
  const m = useMessages().registrySettings;
  const format = useFormat();
  if (rules.length === 0) {
    return m.noScanRules;
  }
  return (
    <SpaceBetween size="xxs">
      {rules.map(({ scanFrequency, repositoryFilters }) => (
        <div key={scanFrequency}>
          {m.scanRule(m.scanFrequencies[scanFrequency], format.list(repositoryFilters.map(({ filter }) => filter)))}
        </div>
      ))}
    </SpaceBetween>
  );
}

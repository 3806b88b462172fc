import SpaceBetween from '@cloudscape-design/components/space-between';

import { AccountSettings } from './AccountSettings';
import { PullTimeExclusions } from './PullTimeExclusions';
import { QuotasSummary } from './QuotasSummary';
import { ScanningSummary } from './ScanningSummary';

/** What is set of the registry, by its account and by whoever runs the server. */
export function SettingsSections() {
  return (
    <SpaceBetween size="l">
      <AccountSettings />
      <ScanningSummary />
      <PullTimeExclusions />
      <QuotasSummary />
    </SpaceBetween>
  );
}

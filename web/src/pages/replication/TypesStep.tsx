import Alert from '@cloudscape-design/components/alert';
import Container from '@cloudscape-design/components/container';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';

import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import type { Editing } from './editing';
import { newAccountRow } from './form';

/** Which kinds of destinations there may be. */
export function TypesStep({ editing: { form, offered, change } }: { editing: Editing }) {
  const m = useMessages().replication;
  const registry = useRegistry();
  const regions = form.rules.reduce((sum, r) => sum + r.regions.length, 0);
  const alone = offered.filter((o) => o.own).length < 2;
  const accounts = form.rules.reduce((sum, r) => sum + r.accounts.filter((row) => row.account !== '').length, 0);
  const switchAccounts = (crossAccount: boolean) =>
    change({
      ...form,
      crossAccount,
      rules: form.rules.map((rule) =>
        crossAccount && rule.accounts.length === 0 && rule.regions.length === 0
          ? { ...rule, accounts: [newAccountRow(registry.region)] }
          : rule,
      ),
    });
  return (
    <SpaceBetween size="l">
      <Container>
        <SpaceBetween size="s">
          <Toggle
            checked={form.crossRegion}
            disabled={alone && !form.crossRegion}
            onChange={({ detail }) => change({ ...form, crossRegion: detail.checked })}
            description={alone ? m.oneRegion : m.crossRegionAdvice(registry.account)}
          >
            {m.crossRegionSwitch}
          </Toggle>
          {!form.crossRegion && regions > 0 && <Alert type="warning">{m.switchedOff(regions)}</Alert>}
        </SpaceBetween>
      </Container>
      <Container>
        <SpaceBetween size="s">
          <Toggle
            checked={form.crossAccount}
            onChange={({ detail }) => switchAccounts(detail.checked)}
            description={m.crossAccountAdvice}
          >
            {m.crossAccountSwitch}
          </Toggle>
          {!form.crossAccount && accounts > 0 && <Alert type="warning">{m.switchedOff(accounts)}</Alert>}
        </SpaceBetween>
      </Container>
      {!form.crossRegion && !form.crossAccount && regions + accounts > 0 && <Alert type="warning">{m.bothOff}</Alert>}
    </SpaceBetween>
  );
}

import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Multiselect from '@cloudscape-design/components/multiselect';
import Select, { type SelectProps } from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMemo } from 'react';

import type { ReplicationRule } from '../../api/ecr';
import { useRegistry } from '../../app/registry';
import { useSettled } from '../../app/settled';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { destinationKey, useDestinationChecks } from '../../parts/destinations/destinationChecks';
import { GrantState } from '../../parts/destinations/GrantState';
import type { OfferedRegion } from '../../parts/peers/regions';
import type { Editing } from './editing';
import { accountDigits, accountProblem, filterProblem, newAccountRow, type AccountRow, type RuleForm } from './form';
import { useRows } from '../../parts/rows';

interface Fields {
  rule: RuleForm;
  set: (rule: RuleForm) => void;
  editing: Editing;
}

/** Where a rule copies to: Regions of the own account, other accounts. No more can be added where full. */
export function DestinationFields({ rule, set, full, editing }: Fields & { full: boolean }) {
  const m = useMessages().replication;
  const missing = editing.errorOf(rule.key, 'destinations');
  return (
    <SpaceBetween size="s">
      <Box variant="h3">{m.destinations}</Box>
      {editing.form.crossRegion && <RegionField rule={rule} set={set} editing={editing} missing={missing} />}
      {editing.form.crossAccount && <AccountRows rule={rule} set={set} editing={editing} full={full} />}
      {missing && !editing.form.crossRegion && (
        <Box color="text-status-error" fontSize="body-s">
          <div role="alert">{missing}</div>
        </Box>
      )}
    </SpaceBetween>
  );
}

/** Makes an option of a Region, which says by which deployment it is served if that is another one. */
function useRegionOption(offered: readonly OfferedRegion[]): (region: string) => SelectProps.Option {
  const f = useFormat();
  return (value) => {
    const { here = true, peers = [] } = offered.find((o) => o.region === value) ?? {};
    return { value, label: value, ...(here ? {} : { description: f.list(peers) }) };
  };
}

function RegionField({ rule, set, editing, missing }: Fields & { missing: string | undefined }) {
  const m = useMessages().replication;
  const { region: here } = useRegistry();
  const option = useRegionOption(editing.offered);
  const own = editing.offered.filter((o) => o.own).map((o) => o.region);
  // A Region that is not served any more is there to be taken out.
  const offered = [...own.filter((r) => r !== here), ...rule.regions.filter((r) => !own.includes(r))];
  return (
    <FormField
      label={m.regionsLabel}
      description={m.regionsAdvice}
      errorText={editing.errorOf(rule.key, 'regions') ?? missing}
    >
      <Multiselect
        options={offered.map(option)}
        selectedOptions={rule.regions.map(option)}
        onChange={({ detail }) => set({ ...rule, regions: detail.selectedOptions.map((o) => o.value!) })}
        onBlur={() => editing.leave(rule.key, 'regions')}
        placeholder={m.chooseRegions}
      />
    </FormField>
  );
}

function AccountRows({ rule, set, editing, full }: Fields & { full: boolean }) {
  const { replication: m, shell } = useMessages();
  const { region: here, sessions } = useRegistry();
  const option = useRegionOption(editing.offered);
  const regions = editing.offered.map((o) => o.region);
  const { editor, add, remove, isNew } = useRows(
    rule.accounts,
    (accounts) => set({ ...rule, accounts }),
    () => newAccountRow(here),
  );
  const setRow = (row: AccountRow) =>
    set({ ...rule, accounts: rule.accounts.map((r) => (r.key === row.key ? row : r)) });
  const hint = ({ account }: AccountRow) => {
    const session = sessions.find((s) => s.accountId === account);
    return session ? m.signedIn(session.accountName) : account.length < 12 ? m.digits(account.length) : undefined;
  };
  return (
    <FormField label={m.accountsLabel} stretch>
      <AttributeEditor<AccountRow>
        ref={editor}
        items={rule.accounts}
        addButtonText={m.addAccount}
        disableAddButton={full}
        onAddButtonClick={add}
        onRemoveButtonClick={({ detail }) => remove(detail.itemIndex)}
        removeButtonText={shell.remove}
        removeButtonAriaLabel={(row) => m.removeAccount(row.account)}
        i18nStrings={{ itemRemovedAriaLive: m.removedRow }}
        empty={m.noAccounts}
        gridLayout={[
          { breakpoint: 'xxs', rows: [[4, 3, 3]], removeButton: { width: 'auto' } },
          { rows: [[1], [1], [1]], removeButton: { ownRow: true } },
        ]}
        definition={[
          {
            label: m.accountLabel,
            control: (row) => (
              <Input
                value={row.account}
                onChange={({ detail }) => setRow({ ...row, account: accountDigits(detail.value) })}
                onBlur={() => editing.leave(row.key, 'account')}
                autoFocus={isNew(row)}
                placeholder={m.accountPlaceholder}
                inputMode="numeric"
                autoComplete={false}
                spellcheck={false}
              />
            ),
            errorText: (row) => editing.errorOf(row.key, 'account'),
            constraintText: hint,
          },
          {
            label: m.regionLabel,
            control: (row) => (
              <Select
                selectedOption={row.region ? option(row.region) : null}
                options={[...new Set([...regions, ...(row.region ? [row.region] : [])])].map(option)}
                onChange={({ detail }) => setRow({ ...row, region: detail.selectedOption.value! })}
                onBlur={() => editing.leave(row.key, 'region')}
                placeholder={m.problems.regionNeeded}
              />
            ),
            errorText: (row) => editing.errorOf(row.key, 'region'),
          },
          { label: m.permission, control: (row) => <RowState row={row} rule={rule} regions={regions} /> },
        ]}
      />
    </FormField>
  );
}

/** Whether the destination that is being typed allows replication, as soon as it is whole. */
function RowState({ row, rule, regions }: { row: AccountRow; rule: RuleForm; regions: readonly string[] }) {
  const { account } = useRegistry();
  const whole = accountProblem(row.account, account) === undefined && regions.includes(row.region);
  const asked = useMemo(() => {
    const filters = rule.filtered
      ? rule.filters.map((f) => f.filter).filter((f) => filterProblem(f) === undefined)
      : [];
    const question: ReplicationRule = {
      destinations: whole ? [{ registryId: row.account, region: row.region }] : [],
      repositoryFilters: [...new Set(filters)].map((filter) => ({ filter, filterType: 'PREFIX_MATCH' })),
    };
    return JSON.stringify(question);
  }, [row, rule, whole]);
  const settled = useSettled(asked);
  const [check] = useDestinationChecks([JSON.parse(settled) as ReplicationRule]);
  if (!whole) {
    return <Box color="text-status-inactive">–</Box>;
  }
  const state = check!.checks.get(destinationKey({ registryId: row.account, region: row.region }));
  return (
    <Box padding={{ vertical: 'xxs' }}>
      <GrantState check={state} loading={check!.loading || settled !== asked} />
    </Box>
  );
}

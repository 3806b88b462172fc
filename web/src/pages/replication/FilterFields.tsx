import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { useSettled } from '../../app/settled';
import { useMessages } from '../../i18n';
import type { Editing } from './editing';
import { filterProblem, maxFilters, newFilterRow, type FilterRow, type RuleForm } from './form';
import { MatchingRepositories } from './MatchingRepositories';
import { useRows } from '../../parts/rows';

/** Which repositories a rule is for, and which those are now. */
export function FilterFields({
  rule,
  set,
  editing,
}: {
  rule: RuleForm;
  set: (rule: RuleForm) => void;
  editing: Editing;
}) {
  const m = useMessages().replication;
  const choose = (filtered: boolean) =>
    set({ ...rule, filtered, filters: filtered && rule.filters.length === 0 ? [newFilterRow()] : rule.filters });
  return (
    <SpaceBetween size="s">
      <Box variant="h3">{m.filters}</Box>
      <FormField label={m.filtersLabel} errorText={editing.errorOf(rule.key, 'filters')}>
        <RadioGroup
          value={rule.filtered ? 'some' : 'all'}
          onChange={({ detail }) => choose(detail.value === 'some')}
          items={[
            { value: 'all', label: m.filtersAll, description: m.filtersAllAdvice },
            { value: 'some', label: m.filtersSome, description: m.filtersSomeAdvice },
          ]}
        />
      </FormField>
      {rule.filtered ? (
        <FilterRows rule={rule} set={set} editing={editing} />
      ) : (
        <Box color="text-body-secondary" fontSize="body-s">
          <MatchingRepositories />
        </Box>
      )}
    </SpaceBetween>
  );
}

function FilterRows({ rule, set, editing }: { rule: RuleForm; set: (rule: RuleForm) => void; editing: Editing }) {
  const { replication: m, shell } = useMessages();
  const { editor, add, remove, isNew } = useRows(rule.filters, (filters) => set({ ...rule, filters }), newFilterRow);
  const setRow = (row: FilterRow) => set({ ...rule, filters: rule.filters.map((r) => (r.key === row.key ? row : r)) });
  return (
    <AttributeEditor<FilterRow>
      ref={editor}
      items={rule.filters}
      addButtonText={m.addFilter}
      disableAddButton={rule.filters.length >= maxFilters}
      additionalInfo={m.filterCount(rule.filters.length, maxFilters)}
      onAddButtonClick={add}
      onRemoveButtonClick={({ detail }) => remove(detail.itemIndex)}
      removeButtonText={shell.remove}
      removeButtonAriaLabel={(row) => m.removeFilter(row.filter)}
      i18nStrings={{ itemRemovedAriaLive: m.removedRow }}
      gridLayout={[{ rows: [[1]], removeButton: { width: 'auto' } }]}
      definition={[
        {
          label: m.filterLabel,
          control: (row) => (
            <Input
              value={row.filter}
              onChange={({ detail }) => setRow({ ...row, filter: detail.value })}
              onBlur={() => editing.leave(row.key, 'filter')}
              autoFocus={isNew(row)}
              placeholder={m.filterPlaceholder}
              autoComplete={false}
              disableBrowserAutocorrect
              spellcheck={false}
            />
          ),
          errorText: (row) => editing.errorOf(row.key, 'filter'),
          constraintText: (row) => <Matches filter={row.filter} />,
        },
      ]}
    />
  );
}

function Matches({ filter }: { filter: string }) {
  const settled = useSettled(filter);
  const problem = filterProblem(settled);
  return problem === undefined || problem === 'filterShort' ? <MatchingRepositories prefix={settled} /> : null;
}

import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';

import type { ScanFrequency } from '../../api/ecr';
import { useMessages } from '../../i18n';
import { useRows } from '../../parts/rows';
import { filterProblem, maxFilters, newFilterRow, type FilterRow } from './scanning';

/** The repositories of one rule. With tried, a filter that may become right as one types on is reported. */
export function ScanFilters({
  frequency,
  rows,
  set,
  tried,
  refusedAt,
}: {
  frequency: ScanFrequency;
  rows: FilterRow[];
  set: (rows: FilterRow[]) => void;
  tried: boolean;
  /** What the server has said of the frequency, or of a row by its key. */
  refusedAt: (where: string) => string | undefined;
}) {
  const m = useMessages().registrySettings;
  const name = m.scanFrequencies[frequency];
  const { editor, add, remove, isNew } = useRows(rows, set, newFilterRow);
  const setRow = (row: FilterRow) => set(rows.map((r) => (r.key === row.key ? row : r)));
  return (
    <FormField
      label={name}
      description={m.scanFrequencyHints[frequency]}
      constraintText={rows.length > 0 ? m.scanFilterHint : undefined}
      errorText={refusedAt(frequency)}
      stretch
    >
      <AttributeEditor<FilterRow>
        ref={editor}
        items={rows}
        empty={m.noScanRule}
        addButtonText={m.addScanFilter(name)}
        disableAddButton={rows.length >= maxFilters}
        onAddButtonClick={add}
        onRemoveButtonClick={({ detail }) => remove(detail.itemIndex)}
        removeButtonAriaLabel={(row) => m.removeScanFilter(row.filter, name)}
        i18nStrings={{ itemRemovedAriaLive: m.removedScanFilter }}
        gridLayout={[{ rows: [[1]], removeButton: { width: 'auto' } }]}
        definition={[
          {
            label: m.scanFilter, // after the name of the rule, for screen readers
            control: (row) => (
              <Input
                value={row.filter}
                onChange={({ detail }) => setRow({ ...row, filter: detail.value })}
                autoFocus={isNew(row)}
                placeholder="team/*"
                autoComplete={false}
                disableBrowserAutocorrect
                spellcheck={false}
              />
            ),
            errorText: (row) => {
              const problem = filterProblem(row.filter, rows);
              return problem && (tried || (problem !== 'empty' && problem !== 'separators'))
                ? m.scanFilterProblems[problem]
                : refusedAt(row.key);
            },
          },
        ]}
      />
    </FormField>
  );
}

import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { useMessages } from '../../i18n';
import { filterProblem, maxExclusions } from './filters';
import type { Mutability } from './mutability';

/** With tried, a filter that is still empty is reported. */
export function MutabilityFields({
  value,
  onChange,
  tried,
}: {
  value: Mutability;
  onChange: (value: Mutability) => void;
  tried: boolean;
}) {
  const m = useMessages().repositories;
  const { base, exclusions } = value;
  return (
    <SpaceBetween size="l">
      <FormField label={m.mutability}>
        <RadioGroup
          value={base}
          onChange={({ detail }) => onChange({ base: detail.value as Mutability['base'], exclusions })}
          items={[
            { value: 'MUTABLE', label: m.mutable, description: m.mutableHint },
            { value: 'IMMUTABLE', label: m.immutable, description: m.immutableHint },
          ]}
        />
      </FormField>
      <FormField
        label={m.exclusions}
        description={base === 'MUTABLE' ? m.exclusionsOfMutable : m.exclusionsOfImmutable}
        constraintText={m.filterHint}
        stretch
      >
        <AttributeEditor
          items={exclusions}
          addButtonText={m.addFilter}
          disableAddButton={exclusions.length >= maxExclusions}
          onAddButtonClick={() => onChange({ base, exclusions: [...exclusions, ''] })}
          onRemoveButtonClick={({ detail }) =>
            onChange({ base, exclusions: exclusions.filter((_, i) => i !== detail.itemIndex) })
          }
          removeButtonAriaLabel={(filter) => m.removeFilter(filter)}
          empty={m.noFilters}
          definition={[
            {
              label: m.filter,
              control: (filter, index) => (
                <Input
                  value={filter}
                  spellcheck={false}
                  disableBrowserAutocorrect
                  ariaLabel={m.filter}
                  onChange={({ detail }) =>
                    onChange({ base, exclusions: exclusions.map((f, i) => (i === index ? detail.value : f)) })
                  }
                />
              ),
              errorText: (filter) => {
                const problem = filterProblem(filter, exclusions);
                return problem && (problem !== 'empty' || tried) ? m.filterProblems[problem] : undefined;
              },
            },
          ]}
        />
      </FormField>
    </SpaceBetween>
  );
}

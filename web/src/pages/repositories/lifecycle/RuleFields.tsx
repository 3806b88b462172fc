import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import Alert from '@cloudscape-design/components/alert';
import Checkbox from '@cloudscape-design/components/checkbox';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';

import type { PolicyProblem } from '../../../api/twinport';
import { useMessages } from '../../../i18n';
import { actions, countedBy, countsDays, countTypes, tagLists, tagStatuses, type Fields } from './document';

interface Props {
  fields: Fields;
  onChange: (changes: Partial<Fields>) => void;
  /** The priority has been typed. */
  onPriority: () => void;
  /** Where the rule is in the policy, as problems name it. */
  path: string;
  /** Of this rule. */
  problems: readonly PolicyProblem[];
}

/** The members that have a field of their own, which shows what is wrong with them. */
const withField = [
  '.rulePriority',
  '.description',
  '.selection.tagStatus',
  '.selection.tagPatternList',
  '.selection.tagPrefixList',
  '.selection.countType',
  '.selection.countNumber',
  '.action.type',
  '.twinport.sinceTagged',
  '.twinport.sincePulled',
];

/** The form of a rule. */
export function RuleFields({ fields, onChange, onPriority, path, problems }: Props) {
  const m = useMessages().lifecycle;
  const errorOf = (member: string) => problems.find((p) => p.path === path + member)?.message;
  const others = problems.filter((p) => !withField.some((member) => p.path === path + member));
  const { list, countType } = fields;
  return (
    <SpaceBetween size="m">
      {others.map((p) => (
        <Alert key={p.message} type="error">
          {p.message}
        </Alert>
      ))}
      <ColumnLayout columns={2}>
        <FormField label={m.priority} constraintText={m.priorityHint} errorText={errorOf('.rulePriority')}>
          <NumberInput value={fields.priority} onChange={(priority) => onChange({ priority })} onBlur={onPriority} />
        </FormField>
        <FormField label={m.ruleDescription} errorText={errorOf('.description')}>
          <Input
            value={fields.description ?? ''}
            onChange={({ detail }) => onChange({ description: detail.value || undefined })}
          />
        </FormField>
        <FormField label={m.images} errorText={errorOf('.selection.tagStatus')}>
          <Choice
            texts={m.tagStatuses}
            all={tagStatuses}
            value={fields.tagStatus}
            onChange={(tagStatus) =>
              onChange({ tagStatus, tags: tagStatus === 'tagged' && fields.tags.length === 0 ? [''] : fields.tags })
            }
          />
        </FormField>
        {fields.tagStatus === 'tagged' && (
          <FormField label={m.list}>
            <Choice texts={m.tagLists} all={tagLists} value={list} onChange={(list) => onChange({ list })} />
          </FormField>
        )}
      </ColumnLayout>
      {fields.tagStatus === 'tagged' && (
        <FormField
          constraintText={m.listHints[list]}
          errorText={errorOf('.selection.tagPatternList') ?? errorOf('.selection.tagPrefixList')}
          stretch
        >
          <AttributeEditor
            items={fields.tags}
            addButtonText={m.addTag[list]}
            onAddButtonClick={() => onChange({ tags: [...fields.tags, ''] })}
            onRemoveButtonClick={({ detail }) => onChange({ tags: fields.tags.toSpliced(detail.itemIndex, 1) })}
            removeButtonAriaLabel={m.removeTag}
            empty={m.noTags}
            gridLayout={[{ rows: [[1]], removeButton: { width: 'auto' } }]}
            definition={[
              {
                label: m.tag[list],
                control: (tag, index) => (
                  <Input
                    value={tag}
                    ariaLabel={m.tag[list]}
                    spellcheck={false}
                    disableBrowserAutocorrect
                    autoComplete={false}
                    onChange={({ detail }) => onChange({ tags: fields.tags.with(index, detail.value) })}
                  />
                ),
              },
            ]}
          />
        </FormField>
      )}
      <ColumnLayout columns={2}>
        <FormField label={m.count} errorText={errorOf('.selection.countType')}>
          <Choice
            texts={m.countTypes}
            all={countTypes}
            value={countType}
            onChange={(chosen) => onChange(countedBy(chosen))}
          />
        </FormField>
        <FormField
          label={countsDays(countType) ? m.countOfDays : m.countOfImages}
          errorText={errorOf('.selection.countNumber')}
        >
          <NumberInput value={fields.countNumber} onChange={(countNumber) => onChange({ countNumber })} />
        </FormField>
        <FormField
          label={m.action}
          errorText={errorOf('.action.type')}
          warningText={fields.action === 'transition' && m.noArchive}
        >
          <Choice texts={m.actions} all={actions} value={fields.action} onChange={(action) => onChange({ action })} />
        </FormField>
      </ColumnLayout>
      <ExpandableSection
        headerText={m.beyond}
        defaultExpanded={fields.unsigned || fields.sinceTagged !== undefined || fields.sincePulled !== undefined}
        headerDescription={m.beyondAdvice}
      >
        <SpaceBetween size="m">
          <Checkbox checked={fields.unsigned} onChange={({ detail }) => onChange({ unsigned: detail.checked })}>
            {m.unsigned}
          </Checkbox>
          <ColumnLayout columns={2}>
            <FormField label={m.sinceTagged} errorText={errorOf('.twinport.sinceTagged')}>
              <NumberInput
                value={fields.sinceTagged}
                onChange={(sinceTagged) => onChange({ sinceTagged })}
                placeholder={m.off}
              />
            </FormField>
            <FormField label={m.sincePulled} errorText={errorOf('.twinport.sincePulled')}>
              <NumberInput
                value={fields.sincePulled}
                onChange={(sincePulled) => onChange({ sincePulled })}
                placeholder={m.off}
              />
            </FormField>
          </ColumnLayout>
        </SpaceBetween>
      </ExpandableSection>
    </SpaceBetween>
  );
}

function Choice<Value extends string>({
  texts,
  all,
  value,
  onChange,
}: {
  texts: Record<Value, string>;
  all: readonly Value[];
  value: Value | undefined;
  onChange: (value: Value) => void;
}) {
  const option = (value: Value) => ({ value, label: texts[value] });
  return (
    <Select
      options={all.map(option)}
      selectedOption={value === undefined ? null : option(value)}
      onChange={({ detail }) => onChange(detail.selectedOption.value as Value)}
    />
  );
}

/** A field for a number; empty is none. */
function NumberInput({
  value,
  onChange,
  onBlur,
  placeholder,
}: {
  value: number | undefined;
  onChange: (value: number | undefined) => void;
  onBlur?: () => void;
  placeholder?: string;
}) {
  return (
    <Input
      type="number"
      inputMode="numeric"
      value={value === undefined ? '' : String(value)}
      placeholder={placeholder ?? ''}
      onChange={({ detail }) => onChange(detail.value === '' ? undefined : Number(detail.value))}
      onBlur={() => onBlur?.()}
    />
  );
}

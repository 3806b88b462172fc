import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import TagEditor from '@cloudscape-design/components/tag-editor';
import type { ReactNode } from 'react';

import { useMessages } from '../../i18n';
import { MutabilityFields } from '../../parts/mutability/MutabilityFields';
import type { PolicyCheck } from '../../parts/policy/check';
import { PolicyEditor } from '../../parts/policy/PolicyEditor';
import { maxTags } from '../../parts/resourceTags';
import { descriptionValid, occasions, type TemplateForm } from './form';

interface Props {
  form: TemplateForm;
  onChange: (form: TemplateForm) => void;
  /** Says whether the tags are such as may be stored. */
  onTagsValid: (valid: boolean) => void;
  checks: { repositoryPolicy: PolicyCheck; lifecyclePolicy: PolicyCheck };
  /** What is missing is reported once one has tried. */
  tried: boolean;
  /** The field of the prefix, if it is not given yet. */
  prefix?: ReactNode;
}

/** All that a template says. */
export function TemplateFields({ form, onChange, onTagsValid, checks, tried, prefix }: Props) {
  const m = useMessages().templates;
  const policy = (name: 'repositoryPolicy' | 'lifecyclePolicy', advice: string) => (
    <Container
      header={
        <Header variant="h2" description={advice}>
          {m[name]}
        </Header>
      }
    >
      <PolicyEditor
        label={m[name]}
        text={form[name]}
        onChange={(text) => onChange({ ...form, [name]: text })}
        check={checks[name]}
      />
    </Container>
  );
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{m.general}</Header>}>
        <SpaceBetween size="l">
          {prefix}
          <FormField
            label={m.appliedFor}
            description={m.appliedForHint}
            errorText={tried && form.appliedFor.length === 0 ? m.appliedForNeeded : undefined}
          >
            <SpaceBetween size="xs">
              {occasions.map((occasion) => (
                <Checkbox
                  key={occasion}
                  checked={form.appliedFor.includes(occasion)}
                  description={m.occasionHints[occasion]}
                  onChange={({ detail }) =>
                    onChange({
                      ...form,
                      appliedFor: occasions.filter((o) =>
                        o === occasion ? detail.checked : form.appliedFor.includes(o),
                      ),
                    })
                  }
                >
                  {m.occasions[occasion]}
                </Checkbox>
              ))}
            </SpaceBetween>
          </FormField>
          <FormField
            label={m.templateDescription}
            errorText={descriptionValid(form) ? undefined : m.descriptionLong}
            stretch
          >
            <Input
              value={form.description}
              onChange={({ detail }) => onChange({ ...form, description: detail.value })}
            />
          </FormField>
          <MutabilityFields
            value={form.mutability}
            onChange={(mutability) => onChange({ ...form, mutability })}
            tried={tried}
          />
        </SpaceBetween>
      </Container>
      {policy('repositoryPolicy', m.repositoryPolicyAdvice)}
      {policy('lifecyclePolicy', m.lifecyclePolicyAdvice)}
      <Container
        header={
          <Header variant="h2" description={m.tagsAdvice}>
            {m.tags}
          </Header>
        }
      >
        <TagEditor
          tags={form.tags.map(({ Key, Value }) => ({ key: Key, value: Value, existing: false }))}
          tagLimit={maxTags}
          onChange={({ detail }) => {
            onTagsValid(detail.valid);
            onChange({ ...form, tags: detail.tags.map(({ key, value }) => ({ Key: key, Value: value })) });
          }}
        />
      </Container>
    </SpaceBetween>
  );
}

import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useNavigate } from 'react-router';

import { APIError, ecr } from '../../api/client';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { pagePath, useRegistry } from '../../app/registry';
import { useUnsaved } from '../../app/unsaved';
import { useMessages } from '../../i18n';
import { focusInvalid, SubmitProblem } from '../../parts/saving/SubmitProblem';
import { creationOf, emptyForm, prefixProblem, sameForm } from './form';
import { TemplateFields } from './TemplateFields';
import { useFormCheck } from './useFormCheck';

export function CreateTemplatePage() {
  const { templates: m, shell } = useMessages();
  const registry = useRegistry();
  const navigate = useNavigate();
  const notify = useNotify();
  const reread = useReread();
  const element = useRef<HTMLFormElement>(null);
  const [prefix, setPrefix] = useState('');
  const [form, setForm] = useState(emptyForm);
  const [tagsValid, setTagsValid] = useState(true);
  const [tried, setTried] = useState(false);
  const { checks, valid } = useFormCheck(form, tagsValid);
  const unsaved = useUnsaved(prefix !== '' || !sameForm(form, emptyForm));
  const list = pagePath(registry, 'templates');
  const attempt = useMutation({
    mutationFn: (wanted: string) => ecr(registry, 'CreateRepositoryCreationTemplate', creationOf(wanted, form)),
    onSuccess: async (_, wanted) => {
      notify({ type: 'success', header: m.created(wanted) });
      await reread(registry, 'DescribeRepositoryCreationTemplates');
      unsaved.leaveTo(list);
    },
    onError: () => focusInvalid(element.current),
  });
  const taken =
    attempt.error instanceof APIError && attempt.error.code === 'TemplateAlreadyExistsException'
      ? attempt.variables
      : undefined;
  const problem = prefixProblem(prefix);
  const shown = problem && (tried || problem !== 'prefixNeeded') ? m[problem] : undefined;
  return (
    <ContentLayout header={<Header variant="h1">{m.createTitle}</Header>}>
      <form
        ref={element}
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (!problem && valid) {
            attempt.mutate(prefix);
          } else {
            focusInvalid(element.current);
          }
        }}
      >
        <Form
          errorText={tried && (problem || !valid) ? m.fixFirst : undefined}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" formAction="none" onClick={() => void navigate(list)}>
                {shell.cancel}
              </Button>
              <Button variant="primary" formAction="submit" loading={attempt.isPending}>
                {m.create}
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            {taken === undefined && <SubmitProblem error={attempt.error} />}
            <TemplateFields
              form={form}
              onChange={setForm}
              onTagsValid={setTagsValid}
              checks={checks}
              tried={tried}
              prefix={
                <FormField
                  label={m.prefix}
                  description={m.prefixHint}
                  errorText={shown ?? (taken !== undefined && taken === prefix ? m.prefixTaken : undefined)}
                  stretch
                >
                  <Input
                    value={prefix}
                    onChange={({ detail }) => setPrefix(detail.value)}
                    placeholder="team"
                    autoFocus
                    autoComplete={false}
                    spellcheck={false}
                    disableBrowserAutocorrect
                  />
                </FormField>
              }
            />
          </SpaceBetween>
        </Form>
      </form>
      {unsaved.prompt}
    </ContentLayout>
  );
}

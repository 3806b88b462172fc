import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Form from '@cloudscape-design/components/form';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useRef, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';

import { APIError, ecr, readRevised, type Registry } from '../../api/client';
import type { RepositoryCreationTemplate } from '../../api/ecr';
import { Empty } from '../../app/Empty';
import { useNotify } from '../../app/notifications';
import { PageButton } from '../../app/PageLink';
import { useReread } from '../../app/queries';
import { pagePath, useECR, useRegistry } from '../../app/registry';
import { useUnsaved } from '../../app/unsaved';
import { Waiting } from '../../app/Waiting';
import { useMessages } from '../../i18n';
import { ConflictAlert } from '../../parts/saving/ConflictAlert';
import { focusInvalid, SubmitProblem } from '../../parts/saving/SubmitProblem';
import { useGuardedSave } from '../../parts/saving/useGuardedSave';
import { changesOf, formOf, sameForm, type TemplateForm } from './form';
import { TemplateFields } from './TemplateFields';
import { useFormCheck } from './useFormCheck';

/** Edits a template, whose prefix is ?prefix= in the address. */
export function EditTemplatePage() {
  const m = useMessages().templates;
  const registry = useRegistry();
  const prefix = useSearchParams()[0].get('prefix') ?? '';
  const read = useECR('DescribeRepositoryCreationTemplates', { prefixes: [prefix] }, { enabled: prefix !== '' });
  const template = read.data?.repositoryCreationTemplates[0];
  const missing =
    prefix === '' ||
    (read.data !== undefined && !template) ||
    (read.error instanceof APIError && read.error.code === 'InvalidParameterException');
  return (
    <ContentLayout header={<Header variant="h1">{m.editTitle(prefix)}</Header>}>
      {missing ? (
        <Empty
          title={m.gone(prefix)}
          advice={m.goneAdvice}
          action={<PageButton to={pagePath(registry, 'templates')}>{m.toList}</PageButton>}
        />
      ) : template ? (
        <Editor key={template.prefix} prefix={template.prefix} stored={template} />
      ) : (
        <Waiting error={read.error ?? read.failureReason} onRetry={() => void read.refetch()} />
      )}
    </ContentLayout>
  );
}

/** Reads the form of a template as it is stored now. */
async function readForm(registry: Registry, prefix: string) {
  const { value, revision } = await readRevised(registry, 'DescribeRepositoryCreationTemplates', {
    prefixes: [prefix],
  });
  const [template] = value.repositoryCreationTemplates;
  if (!template) {
    throw new APIError('TemplateNotFoundException', prefix, 404);
  }
  return { value: formOf(template), revision };
}

function Editor({ prefix, stored }: { prefix: string; stored: RepositoryCreationTemplate }) {
  const { templates: m, repositories, shell } = useMessages();
  const registry = useRegistry();
  const navigate = useNavigate();
  const notify = useNotify();
  const reread = useReread();
  const element = useRef<HTMLFormElement>(null);
  const [edited, setEdited] = useState<TemplateForm>();
  const [tagsValid, setTagsValid] = useState(true);
  const [tried, setTried] = useState(false);
  const saved = formOf(stored);
  const form = edited ?? saved;
  const changed = !sameForm(form, saved);
  const { checks, valid } = useFormCheck(form, tagsValid);
  const unsaved = useUnsaved(changed);
  const list = pagePath(registry, 'templates');
  const guard = useGuardedSave({
    stored: saved,
    edited: changed,
    read: () => readForm(registry, prefix),
    same: sameForm,
    // Templates have no revisions: only what is changed is written, so that what others change meanwhile stays.
    write: async (wanted: TemplateForm) => {
      await ecr(registry, 'UpdateRepositoryCreationTemplate', changesOf(prefix, saved, wanted));
      return wanted;
    },
    reread: () => reread(registry, 'DescribeRepositoryCreationTemplates'),
    onSaved: () => {
      notify({ type: 'success', header: m.saved(prefix), id: 'saved' });
      unsaved.leaveTo(list);
    },
  });
  return (
    <form
      ref={element}
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (changed && valid) {
          guard.save(form);
        } else {
          focusInvalid(element.current);
        }
      }}
    >
      <Form
        errorText={tried && !valid ? m.fixFirst : undefined}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" onClick={() => void navigate(list)}>
              {shell.cancel}
            </Button>
            <Button variant="primary" formAction="submit" disabled={!changed || guard.conflict} loading={guard.saving}>
              {shell.save}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          <SubmitProblem error={guard.error} />
          <ConflictAlert guard={guard} texts={repositories} onTakeStored={() => setEdited(undefined)}>
            <pre className="json">{JSON.stringify(saved, null, 2)}</pre>
          </ConflictAlert>
          <TemplateFields form={form} onChange={setEdited} onTagsValid={setTagsValid} checks={checks} tried={tried} />
        </SpaceBetween>
      </Form>
      {unsaved.prompt}
    </form>
  );
}

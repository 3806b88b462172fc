import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { replace } from '../../api/client';
import type { Repository } from '../../api/ecr';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useUnsaved } from '../../app/unsaved';
import { Waiting } from '../../app/Waiting';
import { useMessages } from '../../i18n';
import { usePolicyCheck } from '../../parts/policy/check';
import { PolicyEditor } from '../../parts/policy/PolicyEditor';
import { ConflictAlert } from '../../parts/saving/ConflictAlert';
import { SubmitProblem } from '../../parts/saving/SubmitProblem';
import { useGuardedSave } from '../../parts/saving/useGuardedSave';
import { readRepositoryPolicy, useRepositoryPolicy } from './repositoryPolicy';

export function PermissionsTab({ repository: { repositoryName } }: { repository: Repository }) {
  const policy = useRepositoryPolicy(repositoryName);
  if (policy.data === undefined) {
    return <Waiting error={policy.error ?? policy.failureReason} />;
  }
  return <PolicyForm repositoryName={repositoryName} stored={policy.data} />;
}

/** The repository policy as text; stored is that of the server. */
function PolicyForm({ repositoryName, stored }: { repositoryName: string; stored: string }) {
  const { repositories: m, shell } = useMessages();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const [edited, setEdited] = useState<string>();
  const text = edited ?? stored;
  const check = usePolicyCheck(text, 'REPOSITORY');
  const changed = text !== stored;
  const unsaved = useUnsaved(changed);
  const guard = useGuardedSave({
    stored,
    edited: changed,
    read: () => readRepositoryPolicy(registry, repositoryName),
    write: async (policyText: string, base) => {
      if (policyText.trim() === '') {
        await replace(registry, base, 'DeleteRepositoryPolicy', { repositoryName });
        return '';
      }
      return (await replace(registry, base, 'SetRepositoryPolicy', { repositoryName, policyText })).policyText;
    },
    reread: () => reread(registry, 'GetRepositoryPolicy', 'FindRepositories'),
    onSaved: (now) => {
      setEdited(undefined);
      notify({ type: 'success', header: now === '' ? m.policyRemoved : m.saved, id: 'saved' });
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (changed) {
          guard.save(text);
        }
      }}
    >
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" disabled={!changed} onClick={() => setEdited(undefined)}>
              {shell.cancel}
            </Button>
            <Button
              variant="primary"
              formAction="submit"
              disabled={!changed || guard.conflict || check.problems.length > 0}
              loading={guard.saving}
            >
              {shell.save}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="m">
          <SubmitProblem error={guard.error} />
          <ConflictAlert guard={guard} texts={m} onTakeStored={() => setEdited(undefined)}>
            <pre className="json">{stored || m.noPolicy}</pre>
          </ConflictAlert>
          <Container
            header={
              <Header variant="h2" description={m.policyAdvice}>
                {m.repositoryPolicy}
              </Header>
            }
          >
            <PolicyEditor label={m.repositoryPolicy} text={text} onChange={setEdited} check={check} />
          </Container>
        </SpaceBetween>
      </Form>
      {unsaved.prompt}
    </form>
  );
}

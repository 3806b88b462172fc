import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { APIError, ecr } from '../../api/client';
import type { Repository } from '../../api/ecr';
import { useNotify } from '../../app/notifications';
import { useECR, useRegistry, useReread } from '../../app/registry';
import { useUnsaved } from '../../app/unsaved';
import { Waiting } from '../../app/Waiting';
import { useMessages } from '../../i18n';
import { usePolicyCheck } from '../../parts/policy/check';
import { PolicyEditor } from '../../parts/policy/PolicyEditor';
import { SubmitProblem } from './SubmitProblem';

/** The repository policy as text. */
export function PermissionsTab({ repository }: { repository: Repository }) {
  const { repositories: m, shell } = useMessages();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const { repositoryName } = repository;
  const read = useECR('GetRepositoryPolicy', { repositoryName });
  const none = read.error instanceof APIError && read.error.code === 'RepositoryPolicyNotFoundException';
  const saved = none ? '' : read.data?.policyText;
  const [edited, setEdited] = useState<string>();
  const text = edited ?? saved ?? '';
  const check = usePolicyCheck(text, 'REPOSITORY');
  const changed = edited !== undefined && edited !== saved;
  const unsaved = useUnsaved(changed);
  const attempt = useMutation({
    mutationFn: async (policyText: string) => {
      if (policyText.trim() === '') {
        await ecr(registry, 'DeleteRepositoryPolicy', { repositoryName });
      } else {
        await ecr(registry, 'SetRepositoryPolicy', { repositoryName, policyText });
      }
    },
    onSuccess: async (_, policyText) => {
      await reread(registry, 'GetRepositoryPolicy', 'FindRepositories');
      setEdited(undefined);
      notify({ type: 'success', header: policyText.trim() === '' ? m.policyRemoved : m.saved, id: 'saved' });
    },
  });
  if (saved === undefined) {
    return <Waiting error={read.error ?? read.failureReason} />;
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (changed) {
          attempt.mutate(edited);
        }
      }}
    >
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" disabled={!changed} onClick={() => setEdited(undefined)}>{shell.cancel}</Button>
            <Button variant="primary" formAction="submit" disabled={!changed || check.problems.length > 0} loading={attempt.isPending}>{shell.save}</Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="m">
          <SubmitProblem error={attempt.error} />
          <Container header={<Header variant="h2" description={m.policyAdvice}>{m.repositoryPolicy}</Header>}>
            <PolicyEditor label={m.repositoryPolicy} text={text} onChange={setEdited} check={check} />
          </Container>
        </SpaceBetween>
      </Form>
      {unsaved.prompt}
    </form>
  );
}

import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { APIError, ecr } from '../../api/client';
import type { FoundRepository } from '../../api/twinport';
import { useNotify } from '../../app/notifications';
import { Problem } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { useDestinationName } from '../../parts/destinations/destination';

interface Props {
  repository: FoundRepository;
  onClose: () => void;
  onDeleted: () => void;
}

/** Deletes a repository once its name is typed; its images too, where it has some and says so. */
export function DeleteRepositoryDialog({ repository, onClose, onDeleted }: Props) {
  const { repositories: m, shell } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const nameOf = useDestinationName();
  const notify = useNotify();
  const reread = useReread();
  const name = repository.repositoryName;
  const [typed, setTyped] = useState('');
  const images = useTwinport('FindImages', { repositoryName: name, maxResults: 1 });
  const filled = (images.data?.images.length ?? 0) > 0;
  const attempt = useMutation({
    // Only what was said is done: images are deleted if they were mentioned.
    mutationFn: () => ecr(registry, 'DeleteRepository', { repositoryName: name, force: filled }),
    onSuccess: async () => {
      notify({ type: 'success', header: m.deleted(name) });
      onDeleted();
      await reread(registry, 'FindRepositories');
    },
    onError: () => void images.refetch(),
  });
  const pushedMeanwhile = attempt.error instanceof APIError && attempt.error.code === 'RepositoryNotEmptyException';
  return (
    <Modal visible header={m.deleteTitle(name)} onDismiss={onClose} closeAriaLabel={shell.close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === name && images.data) {
            attempt.mutate();
          }
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" formAction="none" onClick={onClose}>
                {shell.cancel}
              </Button>
              <Button
                variant="primary"
                formAction="submit"
                disabled={typed !== name || !images.data}
                loading={attempt.isPending}
              >
                {shell.delete}
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="m">
            {images.isPending && !images.failureReason && <Spinner />}
            <Problem error={images.data ? undefined : (images.error ?? images.failureReason)} />
            {images.data && (
              <Alert type="warning" header={m.deleteAdvice}>
                {filled ? m.deleteImagesToo : m.deleteEmpty}{' '}
                {filled &&
                  repository.replicatesTo.length > 0 &&
                  m.deleteCopiesStay(format.list(repository.replicatesTo.map(nameOf)))}
              </Alert>
            )}
            {pushedMeanwhile ? <Alert type="error">{m.deleteNotEmpty}</Alert> : <Problem error={attempt.error} />}
            <FormField label={<Box variant="span">{m.deleteTypeName(name)}</Box>}>
              <Input
                value={typed}
                onChange={({ detail }) => setTyped(detail.value)}
                placeholder={name}
                autoFocus
                autoComplete={false}
                spellcheck={false}
                disableBrowserAutocorrect
              />
            </FormField>
          </SpaceBetween>
        </Form>
      </form>
    </Modal>
  );
}

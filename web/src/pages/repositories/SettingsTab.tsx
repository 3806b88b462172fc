import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { readRevised, replace } from '../../api/client';
import type { FoundRepository } from '../../api/twinport';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useUnsaved } from '../../app/unsaved';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { CopyButton } from '../../parts/CopyButton';
import { useDestinationName } from '../../parts/destinations/destination';
import {
  mutabilityOf,
  mutabilityValid,
  sameMutability,
  settingOf,
  type Mutability,
} from '../../parts/mutability/mutability';
import { MutabilityFields } from '../../parts/mutability/MutabilityFields';
import { MutabilityText } from '../../parts/mutability/MutabilityText';
import { ConflictAlert } from '../../parts/saving/ConflictAlert';
import { focusInvalid, SubmitProblem } from '../../parts/saving/SubmitProblem';
import { useGuardedSave } from '../../parts/saving/useGuardedSave';
import { ScanOnPush } from './ScanOnPush';

export function SettingsTab({ repository }: { repository: FoundRepository }) {
  const { repositories: m } = useMessages();
  const format = useFormat();
  const nameOf = useDestinationName();
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{m.details}</Header>}>
        <KeyValuePairs
          columns={3}
          minColumnWidth={240}
          items={[
            {
              label: m.uri,
              value: (
                <CopyButton
                  variant="inline"
                  textToCopy={repository.repositoryUri}
                  copyButtonAriaLabel={m.copyURI(repository.repositoryName)}
                  wrapText
                />
              ),
            },
            { label: m.arn, value: <CopyButton variant="inline" textToCopy={repository.repositoryArn} wrapText /> },
            { label: m.createdAt, value: format.dateTime(repository.createdAt) },
            {
              label: m.replicatesTo,
              value:
                repository.replicatesTo.length > 0
                  ? format.list(repository.replicatesTo.map(nameOf))
                  : m.replicatesNowhere,
            },
            { label: m.repositoryPolicy, value: repository.hasPolicy ? m.hasPolicy : m.hasNoPolicy },
            { label: m.scanOnPush, value: <ScanOnPush repository={repository} /> },
            { label: m.encryption, value: m.encryptionOfDisk },
          ]}
        />
      </Container>
      <MutabilityForm repository={repository} />
    </SpaceBetween>
  );
}

function MutabilityForm({ repository }: { repository: FoundRepository }) {
  const { repositories: m, shell } = useMessages();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const saved = mutabilityOf(repository);
  const [edited, setEdited] = useState<Mutability>();
  const [tried, setTried] = useState(false);
  const changed = edited !== undefined && !sameMutability(edited, saved);
  const unsaved = useUnsaved(changed);
  const { repositoryName } = repository;
  const guard = useGuardedSave({
    stored: saved,
    edited: changed,
    read: async () => {
      const input = { repositoryNames: [repositoryName] };
      const { value, revision } = await readRevised(registry, 'DescribeRepositories', input);
      return { value: mutabilityOf(value.repositories[0]!), revision };
    },
    same: sameMutability,
    write: async (wanted: Mutability, base) => {
      await replace(registry, base, 'PutImageTagMutability', { repositoryName, ...settingOf(wanted) });
      return wanted;
    },
    reread: () => reread(registry, 'FindRepositories'),
    onSaved: () => {
      setEdited(undefined);
      setTried(false);
      notify({ type: 'success', header: m.saved, id: 'saved' });
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (!changed) {
          return;
        }
        if (mutabilityValid(edited)) {
          guard.save(edited);
        } else {
          focusInvalid(event.currentTarget);
        }
      }}
    >
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" disabled={!changed} onClick={() => setEdited(undefined)}>
              {shell.cancel}
            </Button>
            <Button variant="primary" formAction="submit" disabled={!changed || guard.conflict} loading={guard.saving}>
              {shell.save}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="m">
          <SubmitProblem error={guard.error} />
          <ConflictAlert guard={guard} texts={m} onTakeStored={() => setEdited(undefined)}>
            <div>
              <MutabilityText mutability={saved} />
            </div>
          </ConflictAlert>
          <Container>
            <MutabilityFields value={edited ?? saved} onChange={setEdited} tried={tried} />
          </Container>
        </SpaceBetween>
      </Form>
      {unsaved.prompt}
    </form>
  );
}

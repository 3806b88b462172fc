// Permissions: the registry's policy as text, and statements made by filling in a form.

import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useRef, useState } from 'react';
import { useSearchParams } from 'react-router';

import { replace } from '../../api/client';
import { useNotify } from '../../app/notifications';
import { Problem } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useUnsaved } from '../../app/unsaved';
import { Waiting } from '../../app/Waiting';
import { useMessages } from '../../i18n';
import { usePolicyCheck } from '../../parts/policy/check';
import { addStatement, readPolicy, type Statement } from '../../parts/policy/document';
import { PolicyEditor } from '../../parts/policy/PolicyEditor';
import { readRegistryPolicy, useRegistryPolicy } from '../../parts/policy/registryPolicy';
import { ConflictAlert } from '../../parts/saving/ConflictAlert';
import { useGuardedSave } from '../../parts/saving/useGuardedSave';
import { StatementGenerator } from './StatementGenerator';

export function PermissionsPage() {
  const policy = useRegistryPolicy();
  return policy.data === undefined ? (
    <Waiting error={policy.error} onRetry={() => void policy.refetch()} />
  ) : (
    <Permissions stored={policy.data} />
  );
}

/** Stored is the policy's text as the server has it now. */
function Permissions({ stored }: { stored: string }) {
  const { permissions: m, shell } = useMessages();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const [parameters] = useSearchParams();
  const [edited, setEdited] = useState<string>();
  const text = edited ?? stored;
  const changed = text !== stored;
  const [generating, setGenerating] = useState(() => parameters.has('generate'));
  const [filled, setFilled] = useState(false);
  const [said, setSaid] = useState<string>();
  const [confirming, setConfirming] = useState(false);
  const editor = useRef<HTMLDivElement>(null);
  const check = usePolicyCheck(text, 'REGISTRY');
  const unsaved = useUnsaved(changed || (generating && filled));

  const guard = useGuardedSave({
    stored,
    edited: changed,
    read: () => readRegistryPolicy(registry),
    write: async (wanted: string, base) => {
      if (wanted.trim() === '') {
        await replace(registry, base, 'DeleteRegistryPolicy', {});
        return '';
      }
      return (await replace(registry, base, 'PutRegistryPolicy', { policyText: wanted })).policyText;
    },
    reread: () => reread(registry, 'GetRegistryPolicy', 'CheckReplicationDestinations'),
    onSaved: (now, wanted) => {
      setEdited((typed) => (typed === wanted ? undefined : typed));
      setSaid(undefined);
      notify({
        type: 'success',
        id: 'policy',
        header: now === '' ? m.deleted : m.saved,
        content: now === '' ? undefined : m.savedAdvice,
      });
    },
  });
  const submit = () => {
    setSaid(undefined);
    if (check.problems.length > 0) {
      editor.current?.querySelector('textarea')?.focus();
    } else {
      guard.save(text);
    }
  };
  const add = (statement: Statement) => {
    const result = addStatement(text, statement);
    setEdited(result.text);
    setSaid(result.added ? m.added(result.sid ?? '') : m.alreadyThere(result.sid ?? ''));
    setGenerating(false);
    editor.current?.querySelector('textarea')?.focus();
    editor.current?.scrollIntoView({ block: 'nearest' });
  };
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={m.description}
          actions={
            <Button iconName="add-plus" disabled={generating} onClick={() => setGenerating(true)}>
              {m.generate}
            </Button>
          }
        >
          {shell.permissions}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {generating && (
          <StatementGenerator
            statements={readPolicy(text)?.Statement}
            accounts={parameters.get('generate') ?? ''}
            onFilled={setFilled}
            onAdd={add}
            onCancel={() => setGenerating(false)}
          />
        )}
        <ConflictAlert guard={guard} texts={m} onTakeStored={() => setEdited(undefined)}>
          <pre className="json">{stored || m.noPolicy}</pre>
        </ConflictAlert>
        {guard.error && <Problem error={guard.error} />}
        {said && (
          <Alert type="info" dismissible onDismiss={() => setSaid(undefined)}>
            {said}
          </Alert>
        )}
        <Container
          header={
            <Header
              variant="h2"
              description={m.policyDescription}
              actions={
                <SpaceBetween direction="horizontal" size="xs">
                  <Button disabled={stored === ''} onClick={() => setConfirming(true)}>
                    {shell.delete}
                  </Button>
                  <Button disabled={!changed} onClick={() => setEdited(undefined)}>
                    {m.revert}
                  </Button>
                  <Button
                    variant="primary"
                    loading={guard.saving}
                    disabled={!changed || guard.conflict}
                    disabledReason={guard.conflict ? m.conflict : m.unchanged}
                    onClick={submit}
                  >
                    {shell.save}
                  </Button>
                </SpaceBetween>
              }
            >
              {m.policy}
            </Header>
          }
        >
          <SpaceBetween size="xs">
            <div ref={editor}>
              <PolicyEditor label={m.policy} text={text} onChange={setEdited} check={check} />
            </div>
            {changed && <StatusIndicator type="warning">{m.notSaved}</StatusIndicator>}
          </SpaceBetween>
        </Container>
      </SpaceBetween>
      <Modal
        visible={confirming}
        header={m.deleteTitle}
        closeAriaLabel={shell.close}
        onDismiss={() => setConfirming(false)}
        footer={
          <Box float="right">
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" onClick={() => setConfirming(false)}>
                {shell.cancel}
              </Button>
              <Button
                variant="primary"
                onClick={() => {
                  setConfirming(false);
                  setEdited('');
                  guard.save('');
                }}
              >
                {shell.delete}
              </Button>
            </SpaceBetween>
          </Box>
        }
      >
        {m.deleteAdvice}
      </Modal>
      {unsaved.prompt}
    </ContentLayout>
  );
}

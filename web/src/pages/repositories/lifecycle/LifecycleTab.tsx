import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';

import { replace } from '../../../api/client';
import type { Repository } from '../../../api/ecr';
import { useNotify } from '../../../app/notifications';
import { useReread } from '../../../app/queries';
import { useRegistry } from '../../../app/registry';
import { useUnsaved } from '../../../app/unsaved';
import { Waiting } from '../../../app/Waiting';
import { useMessages } from '../../../i18n';
import { usePolicyCheck } from '../../../parts/policy/check';
import { formatted } from '../../../parts/policy/document';
import { PolicyEditor } from '../../../parts/policy/PolicyEditor';
import { ConflictAlert } from '../../../parts/saving/ConflictAlert';
import { SubmitProblem } from '../../../parts/saving/SubmitProblem';
import { useGuardedSave } from '../../../parts/saving/useGuardedSave';
import { readLifecyclePolicy, useLifecyclePolicy } from './lifecyclePolicy';
import { Preview, PreviewLine } from './Preview';
import { RulesEditor } from './RulesEditor';
import { Runs } from './Runs';
import { usePreview } from './usePreview';

/** A repository's lifecycle policy, what it would do, and what it has done. */
export function LifecycleTab({ repository: { repositoryName } }: { repository: Repository }) {
  const policy = useLifecyclePolicy(repositoryName);
  return (
    <SpaceBetween size="l">
      {policy.data === undefined ? (
        <Waiting error={policy.error ?? policy.failureReason} onRetry={() => void policy.refetch()} />
      ) : (
        <Policy repositoryName={repositoryName} stored={policy.data} />
      )}
      <Runs repositoryName={repositoryName} />
    </SpaceBetween>
  );
}

/** Stored is the policy as the server has it now: without space, so it is shown in the form that the console writes. */
function Policy({ repositoryName, stored }: { repositoryName: string; stored: string }) {
  const { lifecycle: m, repositories, shell } = useMessages();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const [edited, setEdited] = useState<string>();
  const shown = stored && formatted(stored);
  if (edited === shown) {
    setEdited(undefined);
  }
  const text = edited ?? shown;
  const changed = text !== shown;
  const check = usePolicyCheck(text, 'LIFECYCLE');
  const preview = usePreview(repositoryName, text, check, changed);
  const unsaved = useUnsaved(changed);
  const guard = useGuardedSave({
    stored,
    edited: changed,
    read: () => readLifecyclePolicy(registry, repositoryName),
    write: async (lifecyclePolicyText: string, base) => {
      if (lifecyclePolicyText.trim() === '') {
        await replace(registry, base, 'DeleteLifecyclePolicy', { repositoryName });
        return '';
      }
      const input = { repositoryName, lifecyclePolicyText };
      return (await replace(registry, base, 'PutLifecyclePolicy', input)).lifecyclePolicyText;
    },
    reread: () => reread(registry, 'GetLifecyclePolicy', 'ListLifecycleRuns'),
    onSaved: (now, wanted) => {
      // Not undefined yet: the page may hear a moment later what is stored now, and the forms would close.
      setEdited((typed) => (typed === wanted ? now && formatted(now) : typed));
      notify({
        type: 'success',
        id: 'saved',
        header: now === '' ? m.removed : m.saved,
        content: now === '' ? undefined : m.savedAdvice,
      });
    },
  });
  const wrong = check.problems.length > 0;
  return (
    <>
      <SpaceBetween size="l">
        <SubmitProblem error={guard.error} />
        <ConflictAlert guard={guard} texts={repositories} onTakeStored={() => setEdited(undefined)}>
          <pre className="json">{shown || m.noPolicy}</pre>
        </ConflictAlert>
        <Container
          header={
            <Header
              variant="h2"
              description={m.description}
              actions={
                <SpaceBetween direction="horizontal" size="xs">
                  <Button disabled={!changed} onClick={() => setEdited(undefined)}>
                    {m.revert}
                  </Button>
                  <Button
                    variant="primary"
                    loading={guard.saving}
                    disabled={!changed || guard.conflict || wrong}
                    disabledReason={guard.conflict ? repositories.conflict : wrong ? m.fixFirst : m.unchanged}
                    onClick={() => guard.save(text)}
                  >
                    {shell.save}
                  </Button>
                </SpaceBetween>
              }
            >
              {m.title}
            </Header>
          }
        >
          <Grid gridDefinition={[{ colspan: { default: 12, s: 7 } }, { colspan: { default: 12, s: 5 } }]}>
            <RulesEditor text={text} onChange={setEdited} problems={check.problems} />
            <div style={{ position: 'sticky', insetBlockStart: 'calc(var(--bar-height) + 8px)' }}>
              <SpaceBetween size="xs">
                <PolicyEditor label={m.json} text={text} onChange={setEdited} check={check} />
                <PreviewLine preview={preview} />
                {changed && <StatusIndicator type="warning">{m.notSaved}</StatusIndicator>}
              </SpaceBetween>
            </div>
          </Grid>
        </Container>
        <Preview repositoryName={repositoryName} preview={preview} />
      </SpaceBetween>
      {unsaved.prompt}
    </>
  );
}

import SpaceBetween from '@cloudscape-design/components/space-between';
import Wizard from '@cloudscape-design/components/wizard';
import { useEffect, useRef, useState } from 'react';
import { useNavigate } from 'react-router';

import { readRevised, replace, type Registry } from '../../api/client';
import type { ReplicationRule } from '../../api/ecr';
import type { Peer } from '../../api/twinport';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { pagePath, useRegistry } from '../../app/registry';
import { useUnsaved } from '../../app/unsaved';
import { useMessages } from '../../i18n';
import { offeredRegions } from '../../parts/peers/regions';
import { ConflictAlert } from '../../parts/saving/ConflictAlert';
import { useGuardedSave } from '../../parts/saving/useGuardedSave';
import type { Editing } from './editing';
import {
  changesOf,
  fieldOf,
  formOf,
  newRule,
  problemsOf,
  rulesOf,
  sameRules,
  showsAtOnce,
  type ReplicationForm,
} from './form';
import { ReviewStep } from './ReviewStep';
import { RulesStep } from './RulesStep';
import { TypesStep } from './TypesStep';

/** Where the steps are in the walk. */
const steps = { types: 0, rules: 1, review: 2 };

/** The form at its beginning: an empty rule is there to be filled in if there is none, or if one is to be added. */
function beginning(rules: readonly ReplicationRule[], registry: Registry, begin: string | null): ReplicationForm {
  const form = formOf(rules, registry);
  if (rules.length === 0 || begin === 'new') {
    form.rules.push(newRule(registry, form.crossAccount));
  }
  return form;
}

/**
 * Walks through the replication rules; current are those of the registry, which may change while they are edited here.
 */
export function ReplicationEditor({
  current,
  peers,
  begin,
}: {
  current: readonly ReplicationRule[];
  peers: readonly Peer[];
  begin: string | null;
}) {
  const { replication: m, shell } = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const navigate = useNavigate();
  const [base, setBase] = useState(current);
  const [initial, setInitial] = useState(() => beginning(current, registry, begin));
  const [form, setForm] = useState(initial);
  const [step, setStep] = useState(begin ? steps.rules : steps.types);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [tries, setTries] = useState(0); // to go on, or to save
  const walk = useRef<HTMLDivElement>(null);

  const edited = JSON.stringify(form) !== JSON.stringify(initial);
  const { prompt, leaveTo } = useUnsaved(edited);
  const restart = (rules: readonly ReplicationRule[]) => {
    const fresh = beginning(rules, registry, begin);
    setBase(rules);
    setInitial(fresh);
    setForm(fresh);
  };
  if (!edited && !sameRules(current, base)) {
    restart(current);
  }

  const offered = offeredRegions(registry.regions, peers);
  const problems = problemsOf(
    form,
    registry,
    offered.map((o) => o.region),
  );
  const rules = rulesOf(form, registry);
  const guard = useGuardedSave({
    stored: current,
    edited,
    read: async () => {
      const { value, revision } = await readRevised(registry, 'DescribeRegistry', {});
      return { value: value.replicationConfiguration.rules, revision };
    },
    same: sameRules,
    write: async (wanted: ReplicationRule[], revision) => {
      const input = { replicationConfiguration: { rules: wanted } };
      return (await replace(registry, revision, 'PutReplicationConfiguration', input)).replicationConfiguration.rules;
    },
    reread: () => reread(registry),
    onSaved: () => {
      notify({ type: 'success', header: m.saved, content: rules.length > 0 ? m.savedAdvice : undefined });
      leaveTo(pagePath(registry, 'replication'));
    },
  });

  // Whoever could not go on is taken to the first field that needs a correction.
  useEffect(() => {
    if (tries > 0) {
      walk.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    }
  }, [tries]);

  const editing: Editing = {
    form,
    offered,
    change: setForm,
    errorOf: (key, field) => {
      const problem = problems.get(fieldOf(key, field));
      return problem && (tries > 0 || showsAtOnce(problem) || left.has(fieldOf(key, field)))
        ? m.problems[problem]
        : undefined;
    },
    leave: (key, field) => setLeft((before) => new Set(before).add(fieldOf(key, field))),
  };
  const whole = problems.get('form');
  const errorText = whole ? m.problems[whole] : tries > 0 && problems.size > 0 ? m.fixFirst : undefined;
  const goTo = (requested: number) => {
    if (requested === steps.review && problems.size > 0) {
      setTries(tries + 1);
      setStep(steps.rules);
      return;
    }
    guard.reset();
    setTries(0);
    setStep(requested);
  };

  return (
    <div ref={walk}>
      <SpaceBetween size="l">
        {prompt}
        <ConflictAlert guard={guard} texts={m} onTakeStored={() => restart(current)} />
        <Wizard
          activeStepIndex={step}
          onNavigate={({ detail }) => goTo(detail.requestedStepIndex)}
          onCancel={() => void navigate(pagePath(registry, 'replication'))}
          onSubmit={() => guard.save(rules)}
          isLoadingNextStep={guard.saving}
          submitButtonText={shell.save}
          steps={[
            { title: m.typesTitle, description: m.typesAdvice, content: <TypesStep editing={editing} /> },
            {
              title: m.rulesTitle,
              description: m.rulesAdvice,
              content: <RulesStep editing={editing} begin={begin} />,
              errorText,
            },
            {
              title: m.reviewTitle,
              description: m.reviewAdvice,
              content: <ReviewStep changes={changesOf(base, initial, form, registry)} error={guard.error} />,
              errorText: guard.error ? m.saveFailed : guard.refused ? m.conflict : undefined,
            },
          ]}
        />
      </SpaceBetween>
    </div>
  );
}

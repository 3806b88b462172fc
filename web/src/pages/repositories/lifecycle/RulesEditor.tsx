import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button, { type ButtonProps } from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useRef, useState } from 'react';

import type { PolicyProblem } from '../../../api/twinport';
import { Empty } from '../../../app/Empty';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import {
  actingOrder,
  addRule,
  besideRules,
  fieldsOf,
  hiddenOf,
  maxRules,
  moveRule,
  newRule,
  placeOfNew,
  rulesOf,
  withFields,
  withRules,
  type Rule,
} from './document';
import { presetRules, presets } from './presets';
import { RuleFields } from './RuleFields';
import { useSentence } from './sentence';
import { useKeys } from './useKeys';

interface Props {
  text: string;
  onChange: (text: string) => void;
  /** What the server has found wrong with the text. */
  problems: readonly PolicyProblem[];
}

/** The rules of a policy's text; while it is no policy, those that it had before, to look at. */
export function RulesEditor(props: Props) {
  const m = useMessages().lifecycle;
  const { text } = props;
  const [readable, setReadable] = useState('');
  const reads = rulesOf(text) !== undefined;
  if (reads && readable !== text) {
    setReadable(text);
  }
  return (
    <SpaceBetween size="s">
      {!reads && <Alert type="info">{m.notShown}</Alert>}
      <div inert={!reads} style={reads ? {} : { opacity: 0.5 }}>
        <RuleForms {...props} text={reads ? text : readable} problems={reads ? props.problems : []} />
      </div>
    </SpaceBetween>
  );
}

/** The rules as a list of forms. */
function RuleForms({ text, onChange, problems }: Props) {
  const m = useMessages().lifecycle;
  const format = useFormat();
  const sentence = useSentence();
  const rules = rulesOf(text) ?? [];
  const keys = useKeys(rules.length);
  const add = useRef<ButtonProps.Ref>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(rules.length === 1 ? keys.all : []));
  const set = (changed: readonly Rule[]) => onChange(withRules(text, changed));
  const toggle = (key: string, expanded: boolean) =>
    setOpen((before) => new Set(expanded ? [...before, key] : [...before].filter((k) => k !== key)));
  const sort = () => {
    const order = actingOrder(rules);
    if (order.some((from, to) => from !== to)) {
      keys.permute(order);
      set(order.map((index) => rules[index]!));
    }
  };
  const move = (from: number, to: number) => {
    keys.move(from, to);
    set(moveRule(rules, from, to));
  };
  const begin = (fresh: readonly Rule[]) => {
    const [first] = keys.insert(0, fresh.length);
    toggle(first!, true);
    set(fresh);
  };
  if (rules.length === 0) {
    return (
      <Empty
        title={m.none}
        advice={m.noneAdvice}
        action={
          <SpaceBetween size="xs" alignItems="center">
            {presets.map((preset) => (
              <Button key={preset} onClick={() => begin(presetRules(preset, m.descriptions))}>
                {m.presets[preset]}
              </Button>
            ))}
            <Button variant="link" onClick={() => begin([newRule({ priority: 1 })])}>
              {m.addRule}
            </Button>
          </SpaceBetween>
        }
      />
    );
  }
  const beside = besideRules(text);
  return (
    <SpaceBetween size="s">
      <Box color="text-body-secondary" fontSize="body-s">
        {m.rulesAdvice}
      </Box>
      {beside.length > 0 && <Alert type="info">{m.hidden(format.list(beside))}</Alert>}
      {rules.map((rule, index) => {
        const key = keys.all[index]!;
        const fields = fieldsOf(rule);
        const hidden = hiddenOf(rule);
        const number = fields.priority === undefined ? m.noPriority : String(fields.priority);
        const path = `rules[${index}]`;
        const wrong = problems.filter((p) => p.path === path || p.path.startsWith(`${path}.`));
        return (
          <ExpandableSection
            key={key}
            variant="container"
            headingTagOverride="h3"
            headerText={m.rule(number, fields.description)}
            headerDescription={sentence(fields)}
            headerInfo={wrong.length > 0 && <StatusIndicator type="error">{m.mistake}</StatusIndicator>}
            headerActions={
              <SpaceBetween direction="horizontal" size="xxs">
                <Button
                  variant="icon"
                  iconName="angle-up"
                  ariaLabel={m.moveUp(number)}
                  disabled={index === 0}
                  disabledReason={m.isFirst}
                  onClick={() => move(index, index - 1)}
                />
                <Button
                  variant="icon"
                  iconName="angle-down"
                  ariaLabel={m.moveDown(number)}
                  disabled={index === rules.length - 1}
                  disabledReason={m.isLast}
                  onClick={() => move(index, index + 1)}
                />
                <Button
                  variant="icon"
                  iconName="remove"
                  ariaLabel={m.removeRule(number)}
                  onClick={() => {
                    add.current?.focus(); // the button that has it goes
                    keys.remove(index);
                    set(rules.toSpliced(index, 1));
                  }}
                />
              </SpaceBetween>
            }
            expanded={open.has(key)}
            onChange={({ detail }) => toggle(key, detail.expanded)}
          >
            {open.has(key) && (
              <SpaceBetween size="m">
                {hidden.length > 0 && <Alert type="info">{m.hidden(format.list(hidden))}</Alert>}
                <RuleFields
                  fields={fields}
                  path={path}
                  problems={wrong}
                  onChange={(changes) => set(rules.with(index, withFields(rule, changes)))}
                  onPriority={sort}
                />
              </SpaceBetween>
            )}
          </ExpandableSection>
        );
      })}
      <SpaceBetween direction="horizontal" size="xs" alignItems="center">
        <Button
          ref={add}
          iconName="add-plus"
          disabled={rules.length >= maxRules}
          onClick={() => {
            const [added] = keys.insert(placeOfNew(rules), 1);
            toggle(added!, true);
            set(addRule(rules, newRule()));
          }}
        >
          {m.addRule}
        </Button>
        <Button onClick={() => onChange('')}>{m.clear}</Button>
        <Box color="text-body-secondary" fontSize="body-s">
          {m.ruleCount(rules.length, maxRules)}
        </Box>
      </SpaceBetween>
    </SpaceBetween>
  );
}

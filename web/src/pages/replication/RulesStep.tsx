import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect } from 'react';

import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { DeletionField } from './DeletionField';
import { DestinationFields } from './DestinationFields';
import type { Editing } from './editing';
import { FilterFields } from './FilterFields';
import { destinationCount, maxDestinations, maxRules, newRule, type RuleForm } from './form';

/** The rules: which repositories go to which destinations. */
export function RulesStep({ editing, begin }: { editing: Editing; begin: string | null }) {
  const { replication: m, shell } = useMessages();
  const registry = useRegistry();
  const { form, change } = editing;
  const wanted = begin === 'new' ? form.rules.length : Number(begin);
  useEffect(() => {
    if (wanted > 1) {
      document.getElementById(`rule-${wanted}`)?.scrollIntoView();
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only when the step is first shown
  }, []);
  if (!form.crossRegion && !form.crossAccount) {
    return <Alert type="info">{m.rulesOff}</Alert>;
  }
  const set = (rule: RuleForm) => change({ ...form, rules: form.rules.map((r) => (r.key === rule.key ? rule : r)) });
  const count = destinationCount(form, registry);
  return (
    <SpaceBetween size="l">
      {form.rules.map((rule, index) => (
        <div key={rule.key} id={`rule-${index + 1}`} style={{ scrollMarginBlockStart: 80 }}>
          <Container
            header={
              <Header
                variant="h2"
                actions={
                  <Button
                    ariaLabel={m.removeRule(index + 1)}
                    onClick={() => change({ ...form, rules: form.rules.filter((r) => r.key !== rule.key) })}
                  >
                    {shell.remove}
                  </Button>
                }
              >
                {m.rule(index + 1)}
              </Header>
            }
          >
            <SpaceBetween size="l">
              <DestinationFields rule={rule} set={set} full={count >= maxDestinations} editing={editing} />
              <FilterFields rule={rule} set={set} editing={editing} />
              <DeletionField rule={rule} set={set} />
            </SpaceBetween>
          </Container>
        </div>
      ))}
      <SpaceBetween size="xs">
        <Button
          iconName="add-plus"
          disabled={form.rules.length >= maxRules || count >= maxDestinations}
          onClick={() => change({ ...form, rules: [...form.rules, newRule(registry, form.crossAccount)] })}
        >
          {m.addRule}
        </Button>
        <Box color="text-body-secondary" fontSize="body-s">
          {m.ruleCount(form.rules.length, maxRules)} {m.destinationCount(count, maxDestinations)}
        </Box>
      </SpaceBetween>
    </SpaceBetween>
  );
}

import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';

import { useMessages } from '../../i18n';
import type { RuleForm } from './form';

/** Whether a rule replicates deletions, and what is deleted then. */
export function DeletionField({ rule, set }: { rule: RuleForm; set: (rule: RuleForm) => void }) {
  const m = useMessages().replication;
  return (
    <SpaceBetween size="s">
      <Box variant="h3">{m.deletions}</Box>
      <Toggle
        checked={rule.deletions}
        onChange={({ detail }) => set({ ...rule, deletions: detail.checked })}
        description={m.deletionsAdvice}
      >
        {m.deletionsSwitch}
      </Toggle>
    </SpaceBetween>
  );
}

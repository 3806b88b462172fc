// What to do next where there is nothing to show.

import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';

import type { ReplicationRule } from '../../api/ecr';
import { Empty } from '../../app/Empty';
import { PageButton } from '../../app/PageLink';
import { pagePath, useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import { Command } from '../../parts/commands/Command';
import { awsLogin, pushCommands } from '../../parts/commands/commands';
import { usePlaceOf } from '../../parts/commands/NamingChoice';

/** There is no rule, so nothing is replicated. */
export function NoRules() {
  const m = useMessages().activity;
  return (
    <Empty
      title={m.noRules}
      advice={m.noRulesAdvice}
      action={<PageButton to={pagePath(useRegistry(), 'replication/edit')}>{m.setUp}</PageButton>}
    />
  );
}

/** There is a rule, but nothing was pushed for it: how to push to a repository that it is for. */
export function NoPush({ rules }: { rules: readonly ReplicationRule[] }) {
  const m = useMessages().activity;
  const { account, region } = useRegistry();
  const prefix = rules[0]?.repositoryFilters?.[0]?.filter;
  const { data } = useTwinport('FindRepositories', { maxResults: 1, ...(prefix ? { startsWith: prefix } : {}) });
  const repository = data?.repositories[0];
  const place = usePlaceOf({ repositoryName: repository?.repositoryName ?? '' });
  if (!repository) {
    return (
      <Empty
        title={m.noPush}
        advice={m.noRepository}
        action={<PageButton to={pagePath({ account, region }, 'repositories/create')}>{m.createRepository}</PageButton>}
      />
    );
  }
  const { tag, push } = pushCommands('path', place);
  const steps = [
    { text: m.stepLogin, command: awsLogin('path', place) },
    { text: m.stepTag, command: tag },
    { text: m.stepPush, command: push },
  ];
  return (
    <SpaceBetween size="m">
      <Empty title={m.noPush} advice={m.noPushAdvice(repository.repositoryName)} />
      <Box textAlign="left">
        <SpaceBetween size="s">
          {steps.map(({ text, command }, i) => (
            <div key={text}>
              <Box padding={{ bottom: 'xxs' }}>
                {i + 1}. {text}
              </Box>
              <Command text={command} label={text} />
            </div>
          ))}
        </SpaceBetween>
      </Box>
    </SpaceBetween>
  );
}

/** Nothing has arrived from other registries. */
export function NoneIncoming() {
  const m = useMessages().activity;
  return (
    <Empty
      title={m.noneIncoming}
      advice={m.noneIncomingAdvice}
      action={<PageButton to={pagePath(useRegistry(), 'permissions')}>{m.openPermissions}</PageButton>}
    />
  );
}

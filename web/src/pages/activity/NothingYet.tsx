// What to do next where there is nothing to show.

import Box from '@cloudscape-design/components/box';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ReactNode } from 'react';

import type { ReplicationRule } from '../../api/ecr';
import { PageButton } from '../../app/PageLink';
import { pagePath, useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';

function Empty({ title, advice, children }: { title: string; advice: string; children?: ReactNode }) {
  return (
    <Box padding={{ vertical: 'l' }} textAlign="center">
      <SpaceBetween size="m">
        <div>
          <Box variant="strong">{title}</Box>
          <Box variant="p" color="text-body-secondary">
            {advice}
          </Box>
        </div>
        {children}
      </SpaceBetween>
    </Box>
  );
}

/** There is no rule, so nothing is replicated. */
export function NoRules() {
  const m = useMessages().activity;
  return (
    <Empty title={m.noRules} advice={m.noRulesAdvice}>
      <PageButton to={pagePath(useRegistry(), 'replication/edit')}>{m.setUp}</PageButton>
    </Empty>
  );
}

/** There is a rule, but nothing was pushed for it: how to. */
export function NoPush({ rules }: { rules: readonly ReplicationRule[] }) {
  const { activity: m, shell } = useMessages();
  const registry = useRegistry();
  const deployment = useTwinport('DescribeDeployment', {});
  const prefix = rules[0]?.repositoryFilters?.[0]?.filter ?? '';
  const found = useTwinport('FindRepositories', { startsWith: prefix, maxResults: 1 });
  const repository = found.data?.repositories[0]?.repositoryName ?? (prefix.endsWith('/') || prefix === '' ? `${prefix}app` : prefix.replace(/[._-]$/, ''));
  // The path names the account, so that it works whatever the server is called.
  const host = location.host;
  const name = `${host}/${registry.account}/${repository}:1`;
  const endpoint = `--endpoint-url ${location.origin} --region ${registry.region}`;
  const commands: [string, string][] = [
    [m.pushSteps.login, `aws ecr get-login-password ${endpoint} | docker login --username AWS --password-stdin ${host}`],
    [m.pushSteps.tag, `docker tag app:1 ${name}`],
    [m.pushSteps.push, `docker push ${name}`],
  ];
  if (!deployment.data && !deployment.isError) {
    return null;
  }
  return (
    <Empty title={m.noPush} advice={m.noPushAdvice}>
      <Box textAlign="left">
        <SpaceBetween size="s">
          <div>{m.pushRepository(repository)}</div>
          {commands.map(([what, command]) => (
            <div key={what}>
              <Box variant="awsui-key-label">{what}</Box>
              <CopyToClipboard
                variant="inline"
                textToCopy={command}
                textToDisplay={<code style={{ overflowWrap: 'anywhere' }}>{command}</code>}
                copyButtonAriaLabel={`${m.copyCommand}: ${what}`}
                copySuccessText={shell.copied}
                copyErrorText={shell.copyFailed}
              />
            </div>
          ))}
        </SpaceBetween>
      </Box>
    </Empty>
  );
}

/** Nothing has arrived from other registries. */
export function NoneIncoming() {
  const m = useMessages().activity;
  return (
    <Empty title={m.noneIncoming} advice={m.noneIncomingAdvice}>
      <PageButton to={pagePath(useRegistry(), 'permissions')}>{m.openPermissions}</PageButton>
    </Empty>
  );
}

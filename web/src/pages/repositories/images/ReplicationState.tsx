import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Popover from '@cloudscape-design/components/popover';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useMutation } from '@tanstack/react-query';

import { twinport } from '../../../api/client';
import type { Replication } from '../../../api/twinport';
import { Problem } from '../../../app/Problem';
import { pagePath, useRegistry, useReread } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { Command } from '../Command';
import { PageLink } from '../PageLink';

/** How the replication of an image to one destination stands; what failed says why, and what would mend it. */
export function ReplicationState({ replication }: { replication: Replication | undefined }) {
  const m = useMessages().images;
  const format = useFormat();
  if (!replication) {
    return (
      <Popover triggerType="text" header={m.notReplicated} content={m.notReplicatedReason} renderWithPortal>
        <StatusIndicator type="stopped">{m.notReplicated}</StatusIndicator>
      </Popover>
    );
  }
  const { status, finishedAt, lagInMillis, failureReason } = replication;
  switch (status) {
    case 'COMPLETE':
      return (
        <>
          <StatusIndicator>{lagInMillis === undefined ? m.complete : m.after(format.duration(lagInMillis))}</StatusIndicator>
          {finishedAt !== undefined && <Box color="text-body-secondary" fontSize="body-s">{format.dateTime(finishedAt)}</Box>}
        </>
      );
    case 'IN_PROGRESS':
      return failureReason ? (
        <Popover triggerType="text" size="large" header={m.lastTry} content={<Reason replication={replication} />} renderWithPortal>
          <StatusIndicator type="in-progress">{m.inProgress}</StatusIndicator>
        </Popover>
      ) : (
        <StatusIndicator type="in-progress">{m.inProgress}</StatusIndicator>
      );
    case 'FAILED':
      return (
        <Popover triggerType="text" size="large" header={m.whyFailed} content={<Reason replication={replication} />} renderWithPortal>
          <StatusIndicator type="error">{m.failed}</StatusIndicator>
        </Popover>
      );
  }
}

/** Why a replication failed, the statement that would mend it, and Retry. */
export function Reason({ replication }: { replication: Replication }) {
  const m = useMessages().images;
  const format = useFormat();
  const registry = useRegistry();
  const reread = useReread();
  const { registryId, region, replicationId, status, statement, nextTryAt, failureReason } = replication;
  const retry = useMutation({
    mutationFn: () => twinport(registry, 'RetryReplications', { replicationIds: [replicationId] }),
    onSuccess: () => reread(registry, 'FindImages', 'ListReplications'),
  });
  return (
    <SpaceBetween size="s">
      <div>{failureReason}</div>
      {status === 'IN_PROGRESS' && nextTryAt !== undefined && <div>{m.nextTry(format.time(nextTryAt))}</div>}
      {statement && (
        <div>
          <Box variant="awsui-key-label">{m.statement}</Box>
          <Command text={statement} label={m.statement} />
          {registry.sessions.some((s) => s.accountId === registryId) && (
            <>
              {m.statementHere} <PageLink to={pagePath({ account: registryId, region }, 'permissions')}>{m.openPermissions}</PageLink>
            </>
          )}
        </div>
      )}
      {status === 'FAILED' && (
        <SpaceBetween size="xs">
          <Button loading={retry.isPending} onClick={() => retry.mutate()}>{m.retry}</Button>
          <Problem error={retry.error} />
          {retry.data?.failures.map((f) => (
            <StatusIndicator key={f.replicationId} type="warning">{m.retryFailed}: {f.failureReason}</StatusIndicator>
          ))}
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

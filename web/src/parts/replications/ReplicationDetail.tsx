import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import KeyValuePairs, { type KeyValuePairsProps } from '@cloudscape-design/components/key-value-pairs';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';

import type { Direction, Replication } from '../../api/twinport';
import { AccountName } from '../../app/AccountName';
import { PageLink } from '../../app/PageLink';
import { repositoryPath, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { DestinationName } from '../destinations/DestinationName';
import { MissingGrant, type Refusal } from '../destinations/MissingGrant';
import { imageName } from './imageName';
import { isSending, Progress } from './Progress';
import { ReplicationState } from './ReplicationState';
import { useRetry } from './useRetry';

/** What fixes a replication at its destination; undefined if nothing there would. */
function refusalOf(r: Replication): Refusal | undefined {
  const { registryId, region, peerName, failureReason, statement } = r;
  const refusal = { registryId, region, peerName, failureReason, statement };
  if (r.status !== 'FAILED') {
    return undefined;
  }
  switch (r.failureCode) {
    case 'DESTINATION_REGISTRY_ACCESS_DENIED':
      return { ...refusal, status: statement ? 'NOT_GRANTED' : 'DENIED' };
    case 'DestinationRegistryNotFound':
      return { ...refusal, status: 'NO_REGISTRY' };
    default:
      return undefined;
  }
}

/** All about one replication, and what to do about it. */
export function ReplicationDetail({
  replication: r,
  direction,
  onClose,
}: {
  replication: Replication;
  direction: Direction;
  onClose: () => void;
}) {
  const { activity: m, shell } = useMessages();
  const f = useFormat();
  const registry = useRegistry();
  const retry = useRetry();
  const refusal = direction === 'OUTGOING' ? refusalOf(r) : undefined;
  const deletes = r.action === 'DELETE';
  const sending = isSending(r);
  const items: KeyValuePairsProps.Item[] = [
    { label: m.image, value: <PageLink to={repositoryPath(registry, r.repositoryName)}>{r.repositoryName}</PageLink> },
    { label: m.tag, value: r.imageTag ?? (deletes ? m.allTags : m.noTag) },
    direction === 'OUTGOING'
      ? { label: m.destination, value: <DestinationName destination={r} /> }
      : { label: m.source, value: <AccountName account={r.sourceRegistryId} region={r.sourceRegion} /> },
    { label: m.state, value: <ReplicationState replication={r} /> },
    {
      label: m.size,
      value: (
        <>
          {f.bytes(r.imageSizeInBytes)}
          {!deletes && (
            <Box fontSize="body-s" color="text-body-secondary">
              {m.sizeAdvice}
            </Box>
          )}
        </>
      ),
    },
    { label: m.mediaType, value: r.imageManifestMediaType },
    { label: deletes ? m.deleted : m.pushed, value: f.dateTime(r.pushedAt) },
    { label: m.tries, value: f.number(r.tries) },
  ];
  if (r.finishedAt !== undefined) {
    items.push({ label: m.finished, value: f.dateTime(r.finishedAt) });
  }
  if (r.lagInMillis !== undefined) {
    items.push({ label: m.lag, value: f.duration(r.lagInMillis) });
  }
  if (r.status === 'COMPLETE' && r.bytesSent !== undefined) {
    items.push({
      label: m.sent,
      value: r.bytesPerSecond
        ? f.bytes(r.bytesSent) + m.partsApart + m.perSecond(f.bytes(r.bytesPerSecond))
        : f.bytes(r.bytesSent),
    });
  }
  if (r.nextTryAt !== undefined && r.status === 'IN_PROGRESS' && !sending) {
    items.push({ label: m.nextTry, value: f.dateTime(r.nextTryAt) });
  }
  return (
    <Modal
      visible
      size="large"
      header={imageName(r, m)}
      closeAriaLabel={shell.close}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            {direction === 'OUTGOING' && r.status === 'FAILED' && (
              <Button onClick={() => retry.mutate([r.replicationId])} loading={retry.isPending}>
                {m.retry}
              </Button>
            )}
            <Button variant="primary" onClick={onClose}>
              {shell.close}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="l">
        {sending && <Progress sending={r} label={m.sending} />}
        {refusal && <MissingGrant refusal={refusal} />}
        {deletes && <div>{m.deletionAdvice}</div>}
        {!refusal && r.failureReason && (
          <div>
            <Box variant="awsui-key-label">{r.status === 'FAILED' ? m.reason : m.reasonNow}</Box>
            <div lang="en" style={{ overflowWrap: 'anywhere' }}>
              {r.failureReason}
            </div>
          </div>
        )}
        <KeyValuePairs columns={2} items={items} />
        <div>
          <Box variant="awsui-key-label">{m.digest}</Box>
          <CopyToClipboard
            variant="inline"
            textToCopy={r.imageDigest}
            textToDisplay={<code style={{ overflowWrap: 'anywhere' }}>{r.imageDigest}</code>}
            copyButtonAriaLabel={`${shell.copy}: ${m.digest}`}
            copySuccessText={shell.copied}
            copyErrorText={shell.copyFailed}
          />
        </div>
      </SpaceBetween>
    </Modal>
  );
}

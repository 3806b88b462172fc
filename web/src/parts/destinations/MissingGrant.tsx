import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useHref } from 'react-router';

import type { Registry } from '../../api/client';
import type { ReplicationDestination } from '../../api/ecr';
import type { DestinationCheck, Grant } from '../../api/twinport';
import { useNotify } from '../../app/notifications';
import { PageLink } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { pagePath, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { usePeers } from '../peers/usePeers';
import { allowReplication } from './grant';

/** A destination that does not take all images: why, and what to do. */
export interface Refusal extends ReplicationDestination {
  status: Exclude<Grant, 'GRANTED'>;
  /** The peer that serves it, if one does. */
  peerName?: string | undefined;
  repositoryName?: string | undefined;
  failureReason?: string | undefined;
  /** JSON of the statement that would fix it, if one would. */
  statement?: string | undefined;
}

/** What a check says that a destination lacks; undefined if it lacks nothing, or is not checked yet. */
export function refusalOf(check: DestinationCheck | undefined): Refusal | undefined {
  return check && check.status !== 'GRANTED' ? { ...check, status: check.status } : undefined;
}

/** Says what a destination lacks, and fixes it where the viewer is signed in there too. */
export function MissingGrant({ refusal }: { refusal: Refusal }) {
  const m = useMessages().replication;
  const registry = useRegistry();
  const { sessions } = registry;
  const there: Registry = { account: refusal.registryId, region: refusal.region };
  const session = sessions.find((s) => s.accountId === there.account);
  const place = m.place(session ? `${session.accountName} (${there.account})` : there.account, there.region);
  const { peerName = '' } = refusal;
  const inRegistry = refusal.status === 'NOT_GRANTED' || refusal.status === 'DENIED';
  return (
    <Alert
      type={refusal.status === 'UNREACHABLE' ? 'warning' : 'error'}
      header={m.missing[refusal.status](place, peerName)}
    >
      <SpaceBetween size="s">
        <div>
          {m.missingAdvice[refusal.status](peerName)}{' '}
          {refusal.repositoryName && inRegistry && m.decidedFor(refusal.repositoryName)}
        </div>
        {inRegistry &&
          (peerName ? (
            <AtPeer there={there} place={place} peerName={peerName} />
          ) : (
            <Here there={there} place={place} accountName={session?.accountName} statement={refusal.statement} />
          ))}
        {(refusal.status === 'UNREACHABLE' || refusal.status === 'PEER_NOT_GRANTED') && (
          <PageLink to={pagePath(registry, 'deployments')}>{m.openDeployments}</PageLink>
        )}
        {refusal.statement && <Statement text={refusal.statement} open={!session || peerName !== ''} />}
        {refusal.failureReason && (
          <ExpandableSection headerText={m.serverSays}>
            <Box variant="p">
              <span lang="en">{refusal.failureReason}</span>
            </Box>
          </ExpandableSection>
        )}
      </SpaceBetween>
    </Alert>
  );
}

/** What to do where this deployment serves the destination. */
function Here({
  there,
  place,
  accountName,
  statement,
}: {
  there: Registry;
  place: string;
  /** Undefined if the viewer is not signed in there. */
  accountName: string | undefined;
  statement: string | undefined;
}) {
  const m = useMessages().replication;
  return (
    <>
      {!accountName && <div>{m.notSignedInThere}</div>}
      {statement && accountName && (
        <AddStatement there={there} accountName={accountName} place={place} statement={statement} />
      )}
      <PermissionsLink there={there} place={place} copy={!accountName} />
    </>
  );
}

/**
 * What to do where a peer serves the destination: browsers hand sessions to no other host, so its own console is
 * opened, with what is to be generated filled in.
 */
function AtPeer({ there, place, peerName }: { there: Registry; place: string; peerName: string }) {
  const m = useMessages().replication;
  const { account } = useRegistry();
  const url = usePeers().data?.peers.find((p) => p.name === peerName)?.url;
  return (
    <>
      <div>{m.atPeer(peerName)}</div>
      {url && (
        <Link external href={`${url}/console${pagePath(there, 'permissions')}?generate=${account}`}>
          {m.openPermissionsAt(place, peerName)}
        </Link>
      )}
    </>
  );
}

function AddStatement({
  there,
  accountName,
  place,
  statement,
}: {
  there: Registry;
  accountName: string;
  place: string;
  statement: string;
}) {
  const m = useMessages().replication;
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const add = useMutation({
    mutationFn: () => allowReplication(there, statement),
    onSuccess: async () => {
      await Promise.all([reread(registry, 'CheckReplicationDestinations'), reread(there)]);
      notify({ type: 'success', header: m.addedStatement(place) });
    },
  });
  return (
    <SpaceBetween size="xs">
      <div>{m.signedInThere(accountName)}</div>
      <Button variant="primary" onClick={() => add.mutate()} loading={add.isPending}>
        {m.addStatement(accountName)}
      </Button>
      {add.error && <Problem error={add.error} />}
    </SpaceBetween>
  );
}

function PermissionsLink({ there, place, copy }: { there: Registry; place: string; copy: boolean }) {
  const m = useMessages();
  const to = pagePath(there, 'permissions');
  const address = new URL(useHref(to), location.origin).href;
  return (
    <SpaceBetween direction="horizontal" size="xs" alignItems="center">
      <PageLink to={to}>{m.replication.openPermissions(place)}</PageLink>
      {copy && (
        <CopyToClipboard
          variant="icon"
          textToCopy={address}
          copyButtonAriaLabel={m.replication.copyLink}
          copySuccessText={m.shell.copied}
          copyErrorText={m.shell.copyFailed}
        />
      )}
    </SpaceBetween>
  );
}

function Statement({ text, open }: { text: string; open: boolean }) {
  const m = useMessages();
  return (
    <ExpandableSection headerText={m.replication.statement} defaultExpanded={open}>
      <SpaceBetween size="xs">
        <pre style={{ margin: 0, overflowX: 'auto' }} tabIndex={0} aria-label={m.replication.statement}>
          <code>{text}</code>
        </pre>
        <CopyToClipboard
          copyButtonText={m.replication.copyStatement}
          textToCopy={text}
          copySuccessText={m.shell.copied}
          copyErrorText={m.shell.copyFailed}
        />
      </SpaceBetween>
    </ExpandableSection>
  );
}

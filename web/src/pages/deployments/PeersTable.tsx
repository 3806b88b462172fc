import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Link from '@cloudscape-design/components/link';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';

import type { Peer } from '../../api/twinport';
import { Empty } from '../../app/Empty';
import { useNow } from '../../app/now';
import { PageButton, PageLink } from '../../app/PageLink';
import { pagePath, useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { Progress } from '../../parts/replications/Progress';
import { PeerActions } from './PeerActions';
import { PeerState } from './PeerState';

/** Operators see what they may change as often, in seconds, as what is listed. */
const every = 5;

/** The other deployments: how they are, and how what goes there from this registry fares. */
export function PeersTable({ peers, operator }: { peers: readonly Peer[]; operator: boolean }) {
  const m = useMessages().deployments;
  const f = useFormat();
  const registry = useRegistry();
  const details = useTwinport('DescribePeers', {}, { enabled: operator, every }).data?.peers;
  const header = (
    <Header
      variant="h2"
      counter={peers.length > 0 ? m.count(f.number(peers.length)) : undefined}
      description={peers.length > 0 ? m.peersAdvice : undefined}
    >
      {m.peers}
    </Header>
  );
  if (peers.length === 0) {
    return (
      <Container header={header}>
        <Empty
          title={m.noPeers}
          advice={m.noPeersAdvice}
          action={<PageButton to={pagePath(registry, 'deployments/join')}>{m.join}</PageButton>}
        />
      </Container>
    );
  }
  return (
    <Table
      header={header}
      items={[...peers]}
      trackBy="peerId"
      wrapLines
      ariaLabels={{ tableLabel: m.peers }}
      columnDefinitions={[
        { id: 'name', header: m.deployment, isRowHeader: true, minWidth: 160, cell: (p) => <Name peer={p} /> },
        { id: 'state', header: m.state, minWidth: 185, cell: (p) => <State peer={p} /> },
        {
          id: 'roundTrip',
          header: m.roundTrip,
          minWidth: 110,
          cell: (p) =>
            p.roundTripInMillis === undefined ? (
              '–'
            ) : (
              <span style={{ whiteSpace: 'nowrap' }}>{f.duration(p.roundTripInMillis)}</span>
            ),
        },
        { id: 'regions', header: m.regions, minWidth: 130, cell: (p) => f.list(p.regions) },
        { id: 'account', header: m.yourAccount, minWidth: 180, cell: (p) => <OwnAccount peer={p} /> },
        { id: 'fromHere', header: m.fromHere, minWidth: 190, cell: (p) => <FromHere peer={p} /> },
        ...(operator
          ? [
              {
                id: 'actions',
                header: m.actions,
                minWidth: 130,
                cell: (p: Peer) => <PeerActions name={p.name} peer={details?.find((d) => d.peerId === p.peerId)} />,
              },
            ]
          : []),
      ]}
    />
  );
}

/** What waits for the peer, and what is being sent to it, of the registry's. */
function FromHere({ peer: p }: { peer: Peer }) {
  const { deployments: m, activity } = useMessages();
  const f = useFormat();
  const registry = useRegistry();
  const now = useNow(5);
  if (p.inProgress === 0 && p.failed === 0 && !p.moving) {
    return <Box color="text-status-inactive">{m.nothingWaits}</Box>;
  }
  return (
    <>
      {p.inProgress > 0 && <div>{m.waitingCount(f.number(p.inProgress))}</div>}
      {p.oldestInProgressAt !== undefined && (
        <Box fontSize="body-s" color="text-body-secondary">
          {activity.oldest(f.ago(p.oldestInProgressAt, now))}
        </Box>
      )}
      {p.failed > 0 && (
        <PageLink to={pagePath(registry, 'activity?state=FAILED')}>{m.failedCount(f.number(p.failed))}</PageLink>
      )}
      {p.moving && (
        <Progress sending={p.moving} label={m.sending(p.moving.replications, f.number(p.moving.replications))} />
      )}
    </>
  );
}

function Name({ peer }: { peer: Peer }) {
  const m = useMessages().deployments;
  const f = useFormat();
  return (
    <>
      {peer.url ? (
        <Link external href={`${peer.url}/console/`} ariaLabel={m.openConsole(peer.name)}>
          {peer.name}
        </Link>
      ) : (
        <strong>{peer.name}</strong>
      )}
      <Box fontSize="body-s" color="text-body-secondary">
        <div style={{ overflowWrap: 'anywhere' }}>{peer.url ?? m.byTunnel}</div>
        {peer.tunnels !== undefined && <div>{m.tunnels(peer.tunnels, f.number(peer.tunnels))}</div>}
        {peer.version && <div>{m.versionOf(peer.version)}</div>}
      </Box>
    </>
  );
}

/** How long ago a moment was, in milliseconds of whole seconds. */
function ageOf(seconds: number, now: number): number {
  return Math.max(1, Math.round(now - seconds)) * 1000;
}

function State({ peer }: { peer: Peer }) {
  const { deployments: m, activity } = useMessages();
  const f = useFormat();
  const now = useNow(5);
  return (
    <>
      <PeerState peer={peer} />
      <Box fontSize="body-s" color="text-body-secondary">
        {peer.statusSince !== undefined && (
          <div title={f.dateTime(peer.statusSince)}>{m.since(f.duration(ageOf(peer.statusSince, now)))}</div>
        )}
        {peer.failureCode && peer.failureCode !== 'Unreachable' && (
          <div>{activity.failures[peer.failureCode] ?? peer.failureCode}</div>
        )}
      </Box>
    </>
  );
}

/** What the peer and the account of the registry have to do with each other. */
function OwnAccount({ peer }: { peer: Peer }) {
  const m = useMessages().deployments;
  return (
    <>
      {peer.takesAccount !== undefined && (
        <StatusIndicator type={peer.takesAccount ? 'success' : 'warning'}>
          {peer.takesAccount ? m.takesAccount : m.takesAccountNot}
        </StatusIndicator>
      )}
      <Box fontSize="body-s" color="text-body-secondary">
        <div>{peer.servesAccount ? m.servesAccount : m.notThere}</div>
        {peer.speaksForAccount && <div>{m.speaksForAccount}</div>}
      </Box>
    </>
  );
}

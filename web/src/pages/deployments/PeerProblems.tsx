import Alert from '@cloudscape-design/components/alert';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';

import type { Peer } from '../../api/twinport';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';

/** Clocks so far apart, in milliseconds, are worth a word. */
const clockApart = 60_000;

/** What is wrong with peers, and what to do about it. */
export function PeerProblems({ peers }: { peers: readonly Peer[] }) {
  const m = useMessages().deployments;
  const wrong = peers.filter((p) => p.failureCode || tunnelFailure(p) || hasUnagreed(p) || clockIsApart(p));
  if (wrong.length === 0) {
    return null;
  }
  return (
    <SpaceBetween size="s">
      {wrong.map((peer) => (
        <SpaceBetween key={peer.peerId} size="s">
          {peer.failureCode && <Failure peer={peer} code={peer.failureCode} />}
          {tunnelFailure(peer) && (
            <Alert type="warning" header={m.tunnelProblem(peer.name)}>
              <ServerSays text={tunnelFailure(peer)} />
            </Alert>
          )}
          {hasUnagreed(peer) && <Unagreed peer={peer} />}
          {clockIsApart(peer) && <Clock peer={peer} />}
        </SpaceBetween>
      ))}
    </SpaceBetween>
  );
}

/** Why no tunnel to the peer can be dialled, where that is not what is wrong with all calls of it. */
function tunnelFailure({ tunnelFailureReason, failureReason }: Peer): string | undefined {
  return tunnelFailureReason === failureReason ? undefined : tunnelFailureReason;
}

/** The server's own words, which are English. */
function ServerSays({ text }: { text: string | undefined }) {
  const m = useMessages().deployments;
  return text ? (
    <ExpandableSection headerText={m.serverSays}>
      <div lang="en" style={{ overflowWrap: 'anywhere' }}>
        {text}
      </div>
    </ExpandableSection>
  ) : null;
}

function hasUnagreed(peer: Peer): boolean {
  return peer.unagreedRegions !== undefined || peer.unagreedUrl !== undefined;
}

function clockIsApart(peer: Peer): boolean {
  return Math.abs(peer.clockOffsetInMillis ?? 0) > clockApart;
}

function Failure({ peer, code }: { peer: Peer; code: string }) {
  const { deployments: m, activity } = useMessages();
  const f = useFormat();
  return (
    <Alert
      type={peer.status === 'UNREACHABLE' ? 'error' : 'warning'}
      header={m.problem(peer.name, activity.failures[code] ?? code)}
    >
      <SpaceBetween size="xs">
        <div>
          {m.advice[code]} {peer.nextTryAt !== undefined && m.nextTry(f.time(peer.nextTryAt))}
        </div>
        <ServerSays text={peer.failureReason} />
      </SpaceBetween>
    </Alert>
  );
}

function Unagreed({ peer }: { peer: Peer }) {
  const m = useMessages().deployments;
  const f = useFormat();
  return (
    <Alert type="warning" header={m.unagreed(peer.name)}>
      {peer.unagreedRegions && <div>{m.unagreedRegions(f.list(peer.unagreedRegions))}</div>}
      {peer.unagreedUrl && <div style={{ overflowWrap: 'anywhere' }}>{m.unagreedURL(peer.unagreedUrl)}</div>}
      <div>{m.unagreedAdvice}</div>
    </Alert>
  );
}

function Clock({ peer }: { peer: Peer }) {
  const m = useMessages().deployments;
  const f = useFormat();
  return (
    <Alert type="warning" header={m.clock(peer.name, f.duration(Math.abs(peer.clockOffsetInMillis ?? 0)))}>
      {m.clockAdvice}
    </Alert>
  );
}

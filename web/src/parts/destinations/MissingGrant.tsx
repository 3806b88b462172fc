import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
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
import { allowReplication } from './grant';

/** A destination that does not take all images: why, and what to do. */
export interface Refusal extends ReplicationDestination {
  status: Exclude<Grant, 'GRANTED'>;
  repositoryName?: string | undefined;
  failureReason?: string | undefined;
  /** JSON of the statement that would mend it, if one would. */
  statement?: string | undefined;
}

/** What a check says that a destination lacks; undefined if it lacks nothing, or is not checked yet. */
export function refusalOf(check: DestinationCheck | undefined): Refusal | undefined {
  return check && check.status !== 'GRANTED' ? { ...check, status: check.status } : undefined;
}

/** Says what a destination lacks, and mends it where the viewer is signed in there too. */
export function MissingGrant({ refusal }: { refusal: Refusal }) {
  const m = useMessages().replication;
  const { sessions } = useRegistry();
  const there: Registry = { account: refusal.registryId, region: refusal.region };
  const session = sessions.find((s) => s.accountId === there.account);
  const place = m.place(session ? `${session.accountName} (${there.account})` : there.account, there.region);
  const inRegistry = refusal.status !== 'NO_REGISTRY';
  return (
    <Alert type="error" header={m.missing[refusal.status](place)}>
      <SpaceBetween size="s">
        <div>
          {m.missingAdvice[refusal.status]}{' '}
          {refusal.repositoryName && inRegistry && m.decidedFor(refusal.repositoryName)}
        </div>
        {inRegistry && !session && <div>{m.notSignedInThere}</div>}
        {refusal.statement && session && (
          <AddStatement there={there} accountName={session.accountName} place={place} statement={refusal.statement} />
        )}
        {inRegistry && <PermissionsLink there={there} place={place} copy={!session} />}
        {refusal.statement && <Statement text={refusal.statement} open={!session} />}
        {refusal.failureReason && (
          <ExpandableSection headerText={m.serverSays}>
            <Box variant="p">{refusal.failureReason}</Box>
          </ExpandableSection>
        )}
      </SpaceBetween>
    </Alert>
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

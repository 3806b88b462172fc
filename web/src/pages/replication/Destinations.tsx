import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';

import type { ReplicationDestination } from '../../api/ecr';
import { Problem } from '../../app/Problem';
import { useRegistry } from '../../app/registry';
import { useMessages, type Messages } from '../../i18n';
import { destinationKey, type RuleCheck } from '../../parts/destinations/destinationChecks';
import { DestinationName } from '../../parts/destinations/DestinationName';
import { GrantState } from '../../parts/destinations/GrantState';
import { MissingGrant, refusalOf } from '../../parts/destinations/MissingGrant';
import { StartBackfill } from './StartBackfill';

function kindOf(
  destination: ReplicationDestination,
  here: { account: string; region: string },
  m: Messages['replication'],
): string {
  if (destination.registryId === here.account) {
    return m.crossRegion;
  }
  return destination.region === here.region ? m.crossAccount : m.crossBoth;
}

/** A rule's destinations: whether each allows it, what to do where one does not, and what takes there what is here. */
export function Destinations({
  destinations,
  check,
  label,
}: {
  destinations: readonly ReplicationDestination[];
  check: RuleCheck;
  label: string;
}) {
  const { replication: m, backfills } = useMessages();
  const registry = useRegistry();
  const refusals = destinations.flatMap((d) => refusalOf(check.checks.get(destinationKey(d))) ?? []);
  return (
    <SpaceBetween size="m">
      <Table
        variant="embedded"
        items={[...destinations]}
        trackBy={destinationKey}
        ariaLabels={{ tableLabel: label }}
        wrapLines
        columnDefinitions={[
          {
            id: 'destination',
            header: m.destination,
            isRowHeader: true,
            minWidth: 160,
            cell: (d) => (
              <DestinationName
                destination={{ ...d, peerName: check.checks.get(destinationKey(d))?.peerName }}
                kind={kindOf(d, registry, m)}
              />
            ),
          },
          {
            id: 'permission',
            header: m.permission,
            minWidth: 130,
            cell: (d) => <GrantState check={check.checks.get(destinationKey(d))} loading={check.loading} />,
          },
          {
            id: 'existing',
            header: backfills.existing,
            minWidth: 190,
            cell: (d) => <StartBackfill destination={d} />,
          },
        ]}
      />
      {check.error ? (
        <div>
          <Box variant="p">{m.checkFailed}</Box>
          <Problem error={check.error} onRetry={check.retry} />
        </div>
      ) : null}
      {refusals.map((refusal) => (
        <MissingGrant key={destinationKey(refusal)} refusal={refusal} />
      ))}
    </SpaceBetween>
  );
}

import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';

import type { ReplicationDestination } from '../../api/ecr';
import { AccountName } from '../../app/AccountName';
import { Problem } from '../../app/Problem';
import { useRegistry } from '../../app/registry';
import { useMessages, type Messages } from '../../i18n';
import { destinationKey, type RuleCheck } from '../../parts/destinations/destinationChecks';
import { GrantState } from '../../parts/destinations/GrantState';
import { MissingGrant, refusalOf } from '../../parts/destinations/MissingGrant';

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

/** A rule's destinations, whether each allows it, and what to do where one does not. */
export function Destinations({
  destinations,
  check,
  label,
}: {
  destinations: readonly ReplicationDestination[];
  check: RuleCheck;
  label: string;
}) {
  const m = useMessages().replication;
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
              <>
                <AccountName account={d.registryId} region={d.region} />
                <Box fontSize="body-s" color="text-body-secondary">
                  {kindOf(d, registry, m)}
                </Box>
              </>
            ),
          },
          {
            id: 'permission',
            header: m.permission,
            minWidth: 130,
            cell: (d) => <GrantState check={check.checks.get(destinationKey(d))} loading={check.loading} />,
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

import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';

import type { ReplicationRule } from '../../api/ecr';
import type { DestinationStatistics } from '../../api/twinport';
import { useNow } from '../../app/now';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { destinationKey, useDestinationChecks, worstCheck } from '../../parts/destinations/destinationChecks';
import { DestinationName } from '../../parts/destinations/DestinationName';
import { GrantState } from '../../parts/destinations/GrantState';
import { MissingGrant, refusalOf } from '../../parts/destinations/MissingGrant';
import { countedUpTo, lagPercentile } from './statistics';

/**
 * How each destination is: whether it allows replication, what waits and has failed, and how quick it was in the last
 * hour.
 */
export function Health({
  destinations,
  rules,
}: {
  destinations: readonly DestinationStatistics[];
  rules: readonly ReplicationRule[];
}) {
  const { activity: m, replication: words, shell } = useMessages();
  const f = useFormat();
  const now = useNow(5);
  const checks = useDestinationChecks(rules);
  const loading = checks.some((c) => c.loading);
  const [fixing, setFixing] = useState<string>();
  const count = (n: number) => (n >= countedUpTo ? m.countedUpTo(f.number(n)) : f.number(n));
  const lag = (d: DestinationStatistics, share: number) => {
    const millis = lagPercentile(d.intervals, share);
    return millis === undefined ? '–' : f.duration(millis);
  };
  const fixed = destinations.find((d) => destinationKey(d) === fixing);
  const refusal = fixed && refusalOf(worstCheck(checks, fixed));
  if (fixing !== undefined && !refusal) {
    setFixing(undefined); // it is fixed
  }
  return (
    <>
      <Table
        items={[...destinations]}
        trackBy={destinationKey}
        wrapLines
        ariaLabels={{ tableLabel: m.health }}
        header={
          <Header variant="h2" counter={m.healthCount(f.number(destinations.length))}>
            {m.health}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'destination',
            header: m.destination,
            isRowHeader: true,
            minWidth: 170,
            cell: (d) => <DestinationName destination={d} />,
          },
          {
            id: 'permission',
            header: m.permission,
            minWidth: 170,
            cell: (d) => {
              if (!d.inRules) {
                return <Box color="text-status-inactive">{m.notInRules}</Box>;
              }
              const check = worstCheck(checks, d);
              return (
                <SpaceBetween direction="horizontal" size="xs">
                  <GrantState check={check} loading={loading} />
                  {refusalOf(check) && (
                    <Button
                      variant="inline-link"
                      onClick={() => setFixing(destinationKey(d))}
                      ariaLabel={`${m.fix}: ${words.place(d.registryId, d.region)}`}
                    >
                      {m.fix}
                    </Button>
                  )}
                </SpaceBetween>
              );
            },
          },
          {
            id: 'inProgress',
            header: m.inProgress,
            minWidth: 100,
            cell: (d) => (
              <>
                {count(d.inProgress)}
                {d.inProgress > 0 && d.oldestInProgressAt !== undefined && (
                  <Box fontSize="body-s" color="text-body-secondary">
                    {m.oldest(f.ago(d.oldestInProgressAt, now))}
                  </Box>
                )}
              </>
            ),
          },
          {
            id: 'failed',
            header: m.failed,
            minWidth: 80,
            cell: (d) => (d.failed > 0 ? <Box color="text-status-error">{count(d.failed)}</Box> : count(0)),
          },
          {
            id: 'lastCompleted',
            header: m.lastCompleted,
            minWidth: 120,
            cell: (d) =>
              d.lastCompletedAt === undefined ? (
                m.never
              ) : (
                <span title={f.dateTime(d.lastCompletedAt)}>{f.ago(d.lastCompletedAt, now)}</span>
              ),
          },
          { id: 'p50', header: m.lagP50, minWidth: 110, cell: (d) => lag(d, 0.5) },
          { id: 'p99', header: m.lagP99, minWidth: 110, cell: (d) => lag(d, 0.99) },
        ]}
      />
      {refusal && (
        <Modal
          visible
          size="large"
          header={words.place(refusal.registryId, refusal.region)}
          closeAriaLabel={shell.close}
          onDismiss={() => setFixing(undefined)}
        >
          <MissingGrant refusal={refusal} />
        </Modal>
      )}
    </>
  );
}

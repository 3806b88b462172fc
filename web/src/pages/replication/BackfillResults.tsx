import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';

import type {
  ReplicationBackfillResult,
  ReplicationBackfillResultStatus,
  ReplicationBackfillSummary,
} from '../../api/ecr';
import { PageLink } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { repositoryPath, useECR, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { ListPages } from '../../parts/lists/ListPages';
import { goTo, start, tokenOf } from '../../parts/lists/trail';
import { failureText } from '../../parts/replications/failureText';
import { imageName } from '../../parts/replications/imageName';

const pageSize = 20;

/** What came of the images of a backfill that has ended: of those that failed first, if there are any. */
export function BackfillResults({ backfill, onClose }: { backfill: ReplicationBackfillSummary; onClose: () => void }) {
  const { backfills: m, activity, replication, shell } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const { replicationBackfillId, destination, progress, startedAt } = backfill;
  const counts: Record<ReplicationBackfillResultStatus, number> = {
    FAILED: progress?.failedReplicationCount ?? 0,
    COMPLETE: progress?.completedReplicationCount ?? 0,
  };
  const [status, setStatus] = useState<ReplicationBackfillResultStatus>(counts.FAILED > 0 ? 'FAILED' : 'COMPLETE');
  const [trail, setTrail] = useState(start);
  const nextToken = tokenOf(trail);
  const read = useECR(
    'DescribeReplicationBackfillResults',
    {
      replicationBackfillId,
      resultStatusFilter: status,
      maxResults: pageSize,
      ...(nextToken === undefined ? {} : { nextToken }),
    },
    { keep: true },
  );
  return (
    <Modal
      visible
      size="large"
      header={m.resultsOf(replication.place(destination.registryId, destination.region))}
      closeAriaLabel={shell.close}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            {shell.close}
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <div>{m.resultsAdvice(format.dateTime(startedAt))}</div>
        <SegmentedControl
          label={m.resultStatus}
          selectedId={status}
          options={(['FAILED', 'COMPLETE'] as const).map((id) => ({
            id,
            text: m.withCount(m.resultStatuses[id], format.number(counts[id])),
          }))}
          onChange={({ detail }) => {
            setStatus(detail.selectedId as ReplicationBackfillResultStatus);
            setTrail(start);
          }}
        />
        <Problem
          error={read.error ?? (read.data ? undefined : read.failureReason)}
          onRetry={() => void read.refetch()}
        />
        <Table<ReplicationBackfillResult>
          variant="embedded"
          items={read.data?.results ?? []}
          loading={read.isPending || read.isPlaceholderData}
          loadingText={shell.loading}
          ariaLabels={{ tableLabel: m.resultsOf(replication.place(destination.registryId, destination.region)) }}
          wrapLines
          columnDefinitions={[
            {
              id: 'image',
              header: m.image,
              isRowHeader: true,
              cell: ({ repositoryName, imageId: { imageTag, imageDigest = '' } }) => (
                <PageLink to={repositoryPath(registry, repositoryName)}>
                  {imageName({ repositoryName, imageDigest, ...(imageTag ? { imageTag } : {}) }, activity)}
                </PageLink>
              ),
              minWidth: 200,
            },
            ...(status === 'FAILED'
              ? [
                  {
                    id: 'reason',
                    header: m.reason,
                    cell: ({ failureCode }: ReplicationBackfillResult) =>
                      (failureCode && failureText({ failureCode }, activity)) ?? '–',
                    minWidth: 200,
                  },
                ]
              : []),
          ]}
          pagination={
            (nextToken !== undefined || read.data?.nextToken !== undefined) && (
              <ListPages
                place={{ trail, go: (wanted, next) => setTrail(goTo(trail, wanted, next)) }}
                next={read.data?.nextToken}
                label={m.resultPages}
                disabled={read.isPlaceholderData}
              />
            )
          }
          empty={m.noResults}
        />
      </SpaceBetween>
    </Modal>
  );
}

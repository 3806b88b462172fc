import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';

import type { LifecycleRun, LifecycleRunImage } from '../../../api/twinport';
import { Problem } from '../../../app/Problem';
import { useTwinport } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { formatted } from '../../../parts/policy/document';
import { ListPages } from '../../../parts/lists/ListPages';
import { goTo, start, tokenOf } from '../../../parts/lists/trail';
import { useImageColumns } from './columns';

const pageSize = 20;

const types: Record<LifecycleRunImage['outcome'], StatusIndicatorProps.Type> = {
  WAITING: 'pending',
  EXPIRED: 'success',
  KEPT: 'info',
};

/** What a run has found, and done. */
export function RunDialog({
  repositoryName,
  run,
  onClose,
}: {
  repositoryName: string;
  run: LifecycleRun;
  onClose: () => void;
}) {
  const { lifecycle: m, shell } = useMessages();
  const format = useFormat();
  const [trail, setTrail] = useState(start);
  const nextToken = tokenOf(trail);
  const read = useTwinport(
    'ListLifecycleRunImages',
    { repositoryName, runId: run.runId, maxResults: pageSize, ...(nextToken === undefined ? {} : { nextToken }) },
    { keep: true },
  );
  const columns = useImageColumns<LifecycleRunImage>(repositoryName);
  return (
    <Modal
      visible
      size="large"
      header={m.run(format.dateTime(run.startedAt))}
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
        {run.statusReason && <Alert type={run.status === 'FAILED' ? 'error' : 'info'}>{run.statusReason}</Alert>}
        <ExpandableSection headerText={m.runPolicy}>
          <pre className="json">{formatted(run.lifecyclePolicyText)}</pre>
        </ExpandableSection>
        <Table<LifecycleRunImage>
          variant="embedded"
          trackBy="imageDigest"
          items={read.data?.images ?? []}
          loading={read.isPending}
          loadingText={shell.loading}
          ariaLabels={{ tableLabel: m.runImages }}
          header={
            <SpaceBetween size="m">
              <Header variant="h3">{m.runImages}</Header>
              <Problem
                error={read.error ?? (read.data ? undefined : read.failureReason)}
                onRetry={() => void read.refetch()}
              />
            </SpaceBetween>
          }
          columnDefinitions={[
            ...columns,
            { id: 'rule', header: m.appliedRule, cell: (image) => image.appliedRulePriority, minWidth: 80 },
            {
              id: 'outcome',
              header: m.outcome,
              cell: (image) => (
                <SpaceBetween size="xxxs">
                  <StatusIndicator type={types[image.outcome]}>{m.outcomes[image.outcome]}</StatusIndicator>
                  {image.outcomeReason && (
                    <Box color="text-body-secondary" fontSize="body-s">
                      {image.outcomeReason}
                    </Box>
                  )}
                </SpaceBetween>
              ),
              minWidth: 140,
            },
          ]}
          pagination={
            (nextToken !== undefined || read.data?.nextToken !== undefined) && (
              <ListPages
                place={{ trail, go: (wanted, next) => setTrail(goTo(trail, wanted, next)) }}
                next={read.data?.nextToken}
                label={m.runImagePages}
                disabled={read.isPlaceholderData}
              />
            )
          }
          empty={m.noImages}
        />
      </SpaceBetween>
    </Modal>
  );
}

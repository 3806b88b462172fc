import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Popover from '@cloudscape-design/components/popover';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';

import type { Grant } from '../../api/twinport';
import { AccountName } from '../../app/AccountName';
import { Empty } from '../../app/Empty';
import { PageButton } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { pagePath, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { RuleDestination } from './destinations';

const states: Record<Grant, StatusIndicatorProps.Type> = { GRANTED: 'success', NO_CREATION: 'warning', NOT_GRANTED: 'error', DENIED: 'error', NO_REGISTRY: 'error' };

/** Where images go from here, and whether they are taken there. */
export function ReplicationSummary({ rows, error }: { rows: RuleDestination[] | undefined; error: unknown }) {
  const { registry: m, shell } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const header = (
    <Header
      variant="h2"
      counter={rows && rows.length > 0 ? `(${rows.length})` : undefined}
      description={m.replicationDescription}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <PageButton to={pagePath(registry, 'activity')}>{shell.activity}</PageButton>
          <PageButton to={pagePath(registry, 'replication')} ariaLabel={m.editReplication}>{shell.edit}</PageButton>
        </SpaceBetween>
      }
    >
      {m.destinationsTitle}
    </Header>
  );
  if (rows?.length === 0) {
    return (
      <Container header={header}>
        <Empty title={m.noRules} advice={m.noRulesAdvice} action={<PageButton to={pagePath(registry, 'replication/edit')}>{m.setUpReplication}</PageButton>} />
      </Container>
    );
  }
  return (
    <SpaceBetween size="s">
      <Problem error={error} />
      <Table
        header={header}
        items={rows ?? []}
        trackBy={(r) => `${r.rule} ${r.registryId} ${r.region}`}
        loading={!rows && !error}
        loadingText={shell.loading}
        wrapLines
        columnDefinitions={[
          { id: 'destination', header: m.destination, minWidth: 190, isRowHeader: true, cell: (r) => <AccountName account={r.registryId} region={r.region} /> },
          { id: 'filters', header: m.filters, minWidth: 110, cell: (r) => (r.prefixes.length === 0 ? m.everyRepository : format.list(r.prefixes.map((p) => `${p}*`))) },
          { id: 'grant', header: m.grant, minWidth: 190, cell: (r) => <GrantState row={r} /> },
          { id: 'failed', header: m.failedHere, cell: (r) => (r.statistics ? format.number(r.statistics.failed) : '–') },
          { id: 'last', header: m.lastReplicated, minWidth: 120, cell: (r) => (r.statistics?.lastCompletedAt ? format.ago(r.statistics.lastCompletedAt) : '–') },
        ]}
      />
    </SpaceBetween>
  );
}

function GrantState({ row }: { row: RuleDestination }) {
  const m = useMessages().registry;
  const registry = useRegistry();
  if (!row.check) {
    return <StatusIndicator type="loading">{m.checking}</StatusIndicator>;
  }
  const state = <StatusIndicator type={states[row.check.status]}>{m.grants[row.check.status]}</StatusIndicator>;
  if (!row.check.failureReason) {
    return state;
  }
  return (
    <Popover
      header={m.grants[row.check.status]}
      content={
        <SpaceBetween size="s">
          <span lang="en">{row.check.failureReason}</span>
          <PageButton to={pagePath(registry, 'replication')}>{m.howToMend}</PageButton>
        </SpaceBetween>
      }
    >
      {state}
    </Popover>
  );
}

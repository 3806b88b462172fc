import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Popover from '@cloudscape-design/components/popover';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';

import { AccountName } from '../../app/AccountName';
import { Empty } from '../../app/Empty';
import { PageButton } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { pagePath, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { GrantState } from '../../parts/destinations/GrantState';
import type { RuleDestination } from './destinations';

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
          <PageButton to={pagePath(registry, 'replication')} ariaLabel={m.editReplication}>
            {shell.edit}
          </PageButton>
        </SpaceBetween>
      }
    >
      {m.destinationsTitle}
    </Header>
  );
  if (rows?.length === 0) {
    return (
      <Container header={header}>
        <Empty
          title={m.noRules}
          advice={m.noRulesAdvice}
          action={<PageButton to={pagePath(registry, 'replication/edit')}>{m.setUpReplication}</PageButton>}
        />
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
          {
            id: 'destination',
            header: m.destination,
            minWidth: 190,
            isRowHeader: true,
            cell: (r) => <AccountName account={r.registryId} region={r.region} />,
          },
          {
            id: 'filters',
            header: m.filters,
            minWidth: 110,
            cell: (r) => (r.prefixes.length === 0 ? m.everyRepository : format.list(r.prefixes.map((p) => `${p}*`))),
          },
          { id: 'grant', header: m.grant, minWidth: 210, cell: (r) => <Permission row={r} /> },
          {
            id: 'failed',
            header: m.failedHere,
            cell: (r) => (r.statistics ? format.number(r.statistics.failed) : '–'),
          },
          {
            id: 'last',
            header: m.lastReplicated,
            minWidth: 120,
            cell: (r) => (r.statistics?.lastCompletedAt ? format.ago(r.statistics.lastCompletedAt) : '–'),
          },
        ]}
      />
    </SpaceBetween>
  );
}

/** Whether the destination takes images, and why not. */
function Permission({ row }: { row: RuleDestination }) {
  const { registry: m, replication } = useMessages();
  const registry = useRegistry();
  const state = <GrantState check={row.check} loading />;
  if (!row.check?.failureReason) {
    return state;
  }
  return (
    <Popover
      header={replication.grants[row.check.status]}
      content={
        <SpaceBetween size="s">
          <span lang="en">{row.check.failureReason}</span>
          <PageButton to={pagePath(registry, 'replication')}>{m.howToFix}</PageButton>
        </SpaceBetween>
      }
    >
      {state}
    </Popover>
  );
}

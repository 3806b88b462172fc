import Badge from '@cloudscape-design/components/badge';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';

import { limitsRegistryId } from '../../api/ecr';
import { AccountName } from '../../app/AccountName';
import { Empty } from '../../app/Empty';
import { PageButton } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { pagePath, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import type { Permitted } from './permitted';

/** Who may replicate into here, and whatever else the policy says, one row per statement. */
export function PermissionsSummary({ permitted, error }: { permitted: Permitted[] | undefined; error: unknown }) {
  const { registry: m, shell } = useMessages();
  const registry = useRegistry();
  const rows = permitted?.map((p, number) => ({ ...p, number })) ?? [];
  const header = (
    <Header
      variant="h2"
      counter={rows.length > 0 ? `(${rows.length})` : undefined}
      description={m.permissionsDescription}
      actions={
        <PageButton to={pagePath(registry, 'permissions')} ariaLabel={m.editPermissions}>
          {shell.edit}
        </PageButton>
      }
    >
      {shell.permissions}
    </Header>
  );
  if (permitted?.length === 0) {
    return (
      <Container header={header}>
        <Empty
          title={m.noPermissions}
          advice={m.noPermissionsAdvice}
          action={<PageButton to={pagePath(registry, 'permissions?generate')}>{m.generateStatement}</PageButton>}
        />
      </Container>
    );
  }
  return (
    <SpaceBetween size="s">
      <Problem error={error} />
      <Table
        header={header}
        items={rows}
        trackBy={(p) => String(p.number)}
        loading={!permitted && !error}
        loadingText={shell.loading}
        wrapLines
        columnDefinitions={[
          { id: 'sid', header: m.statement, isRowHeader: true, cell: (p) => p.sid ?? m.nameless(p.number + 1) },
          {
            id: 'effect',
            header: m.effect,
            cell: (p) => (
              <Badge color={p.effect === 'Deny' ? 'red' : 'green'}>{p.effect === 'Deny' ? m.denied : m.allowed}</Badge>
            ),
          },
          {
            id: 'principals',
            header: m.principals,
            minWidth: 190,
            cell: (p) =>
              p.principals.map((who) => (
                <div key={who}>
                  {limitsRegistryId.pattern.test(who) ? (
                    <AccountName account={who} />
                  ) : who === '*' ? (
                    m.everyone
                  ) : (
                    <code>{who}</code>
                  )}
                </div>
              )),
          },
          {
            id: 'actions',
            header: m.actions,
            minWidth: 150,
            cell: (p) =>
              [p.replicates && m.replicates, p.creates && m.creates, p.more && m.more]
                .filter((a) => a !== false)
                .map((a) => <div key={a}>{a}</div>),
          },
          {
            id: 'resources',
            header: m.resources,
            cell: (p) =>
              p.resources.map((r) => (
                <div key={r}>
                  <code>{r}</code>
                </div>
              )),
          },
        ]}
      />
    </SpaceBetween>
  );
}

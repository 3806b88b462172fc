// Sessions: who is signed in to the console with the account's keys, and how to end that.

import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { twinport } from '../../api/client';
import type { SessionDetail } from '../../api/twinport';
import { useNotify } from '../../app/notifications';
import { Problem } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { browserOf } from './browser';

/** The most sessions that one request ends. */
const most = 100;

export function SessionsPage() {
  const { sessions: m, shell } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const list = useTwinport('ListSessions', {});
  const [selected, setSelected] = useState<SessionDetail[]>([]);
  const sessions = list.data?.sessions ?? [];
  const others = sessions.filter((s) => !s.current);
  const revoke = useMutation({
    mutationFn: async (ended: SessionDetail[]) => {
      const ids = ended.map((s) => s.sessionId);
      for (let i = 0; i < ids.length; i += most) {
        await twinport(registry, 'RevokeSessions', { sessionIds: ids.slice(i, i + most) });
      }
    },
    onSuccess: (_, ended) => {
      setSelected([]);
      notify({ type: 'success', id: 'sessions', header: m.revoked(ended.length) });
    },
    onSettled: () => reread(registry, 'ListSessions'),
  });
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={m.description(registry.session.accountName)}>
          {shell.sessions}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Problem error={list.error} onRetry={() => void list.refetch()} />
        <Problem error={revoke.error} />
        <Table
          header={
            <Header
              variant="h2"
              counter={list.data && `(${sessions.length})`}
              actions={
                <SpaceBetween direction="horizontal" size="xs">
                  <Button
                    iconName="refresh"
                    ariaLabel={shell.refresh}
                    loading={list.isFetching}
                    onClick={() => void list.refetch()}
                  />
                  <Button
                    disabled={selected.length === 0}
                    loading={revoke.isPending}
                    onClick={() => revoke.mutate(selected)}
                  >
                    {m.revoke}
                  </Button>
                  <Button
                    disabled={others.length === 0}
                    loading={revoke.isPending}
                    onClick={() => revoke.mutate(others)}
                  >
                    {m.revokeOthers}
                  </Button>
                </SpaceBetween>
              }
            >
              {m.signedInNow}
            </Header>
          }
          items={sessions}
          trackBy="sessionId"
          loading={list.isPending}
          loadingText={shell.loading}
          wrapLines
          selectionType="multi"
          selectedItems={selected}
          onSelectionChange={({ detail }) => setSelected(detail.selectedItems)}
          isItemDisabled={(s) => s.current}
          ariaLabels={{
            selectionGroupLabel: m.selection,
            allItemsSelectionLabel: () => m.selectAll,
            itemSelectionLabel: (_, s) => m.select(s.accessKeyId, format.dateTime(s.createdAt)),
            tableLabel: shell.sessions,
          }}
          columnDefinitions={[
            {
              id: 'since',
              header: m.since,
              minWidth: 170,
              isRowHeader: true,
              cell: (s) => (
                <>
                  {format.dateTime(s.createdAt)} {s.current && <Badge color="blue">{m.current}</Badge>}
                </>
              ),
            },
            { id: 'with', header: m.program, minWidth: 160, cell: (s) => <Program userAgent={s.userAgent} /> },
            { id: 'from', header: m.address, minWidth: 120, cell: (s) => <code>{s.remoteAddress}</code> },
            { id: 'key', header: m.accessKeyId, minWidth: 190, cell: (s) => <code>{s.accessKeyId}</code> },
            { id: 'until', header: m.until, minWidth: 140, cell: (s) => format.dateTime(s.expiresAt) },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Program({ userAgent }: { userAgent: string }) {
  const m = useMessages().sessions;
  const browser = browserOf(userAgent);
  if (!browser) {
    return userAgent === '' ? '–' : userAgent;
  }
  return (
    <>
      {m.browserOn(browser.browser, browser.system)}
      <Box variant="small" display="block">
        {userAgent}
      </Box>
    </>
  );
}

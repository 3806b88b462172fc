import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { expect, test, vi } from 'vitest';

import type { ReplicationRule } from '../../api/ecr';
import { replication as m } from '../../i18n/en/replication';
import { peerOf } from '../../testing/peer';
import { show } from '../../testing/show';
import { EditReplicationPage } from './EditReplicationPage';

const toDev: ReplicationRule = {
  destinations: [{ registryId: '444455556666', region: 'us-east-1' }],
  repositoryFilters: [{ filter: 'app/', filterType: 'PREFIX_MATCH' }],
};
const toTokyo: ReplicationRule = { destinations: [{ registryId: '111122223333', region: 'ap-northeast-1' }] };

/** Shows the walk for a registry of these rules, which the server keeps. */
async function walk(...rules: ReplicationRule[]) {
  const server = { rules, puts: 0, afterRead: () => {} };
  vi.stubGlobal('scrollTo', () => {});
  const configuration = () => ({ replicationConfiguration: { rules: server.rules } });
  await show(<EditReplicationPage />, {
    answers: {
      DescribeRegistry: () => {
        const answer = { registryId: '111122223333', ...configuration() };
        server.afterRead();
        return answer;
      },
      PutReplicationConfiguration: ({ replicationConfiguration }) => {
        server.rules = replicationConfiguration.rules;
        server.puts++;
        return configuration();
      },
      FindRepositories: { repositories: [] },
      ListPeers: { peers: [peerOf({ servesAccount: true })] },
      CheckReplicationDestinations: ({ destinations }) => ({
        destinations: destinations.map((d) => ({ ...d, status: 'GRANTED' as const, repositoryName: 'app' })),
      }),
    },
  });
  await screen.findByText(m.crossAccountSwitch);
  const next = () => void fireEvent.click(createWrapper().findWizard()!.findPrimaryButton().getElement());
  return { server, next };
}

const accountField = () =>
  screen.getByRole<HTMLInputElement>('textbox', { name: `${m.accountsLabel} ${m.accountLabel}` });
const type = (field: HTMLElement, value: string) => fireEvent.change(field, { target: { value } });

test('the first rule is typed, checked and saved', async () => {
  const { server, next } = await walk();
  fireEvent.click(screen.getByLabelText(m.crossAccountSwitch));
  next();
  next(); // nothing is typed yet
  expect(screen.getByRole('heading', { level: 1, name: m.rulesTitle })).toBeTruthy();
  expect(screen.getByText(m.problems.accountNeeded)).toBeTruthy();
  expect(document.activeElement).toBe(accountField());

  type(accountField(), '1111-2222-3333');
  expect(screen.getByText(m.problems.ownAccount)).toBeTruthy();
  type(accountField(), '4444-5555-6666');
  expect(accountField().value).toBe('444455556666');
  fireEvent.click(screen.getByLabelText(m.filtersSome));
  type(screen.getByRole('textbox', { name: m.filterLabel }), 'app/');
  next();
  expect(screen.getByRole('heading', { level: 1, name: m.reviewTitle })).toBeTruthy();
  expect(
    screen.getByText(m.sentence(m.sentenceSome('app/'), m.sentencePlace('4444-5555-6666', 'us-east-1'))),
  ).toBeTruthy();
  next();
  await waitFor(() => expect(server.rules).toEqual([toDev]));
});

test('rules that are not touched are kept', async () => {
  const { server, next } = await walk(toDev, toTokyo);
  next();
  fireEvent.click(screen.getByRole('button', { name: m.removeRule(1) }));
  next();
  next();
  await waitFor(() => expect(server.rules).toEqual([toTokyo]));
});

test('a rule that is changed keeps whether deletions are replicated', async () => {
  const deleting = { ...toDev, deleteReplication: { enabled: true } };
  const { server, next } = await walk(deleting);
  next();
  expect(screen.getByLabelText<HTMLInputElement>(m.deletionsSwitch).checked).toBe(true);
  fireEvent.click(screen.getByLabelText(m.filtersAll));
  next();
  expect(
    screen.getByText(m.sentenceWithDeletions(m.sentenceAll, m.sentencePlace('4444-5555-6666', 'us-east-1'))),
  ).toBeTruthy();
  next();
  await waitFor(() =>
    expect(server.rules).toEqual([{ destinations: toDev.destinations, deleteReplication: { enabled: true } }]),
  );
});

test('the replication of deletions is switched on', async () => {
  const { server, next } = await walk(toDev);
  next();
  expect(screen.getByText(m.deletionsAdvice)).toBeTruthy();
  fireEvent.click(screen.getByLabelText(m.deletionsSwitch));
  next();
  expect(screen.getByText(m.changes.changed)).toBeTruthy();
  next();
  await waitFor(() => expect(server.rules).toEqual([{ ...toDev, deleteReplication: { enabled: true } }]));
});

test('a Region of a peer can be chosen, and says whose it is', async () => {
  const { server, next } = await walk();
  fireEvent.click(screen.getByLabelText(m.crossRegionSwitch));
  next();
  const regions = createWrapper().findMultiselect()!;
  regions.openDropdown();
  expect(regions.findDropdown().findOptionByValue('us-west-2')!.getElement().textContent).toContain('oregon');
  regions.selectOptionByValue('us-west-2');
  next();
  expect(screen.getByText(m.sentence(m.sentenceAll, m.sentenceOwn('us-west-2')))).toBeTruthy();
  next();
  await waitFor(() =>
    expect(server.rules).toEqual([{ destinations: [{ registryId: '111122223333', region: 'us-west-2' }] }]),
  );
});

test('switching both kinds off says that all rules go, and removes them', async () => {
  const { server, next } = await walk(toDev);
  fireEvent.click(screen.getByLabelText(m.crossAccountSwitch));
  expect(screen.getByText(m.bothOff)).toBeTruthy();
  next();
  next();
  expect(screen.getByText(m.reviewOff)).toBeTruthy();
  next();
  await waitFor(() => expect(server).toMatchObject({ rules: [], puts: 1 }));
});

test('what someone else changes between the last look and the write is not overwritten', async () => {
  const { server, next } = await walk(toDev);
  next();
  fireEvent.click(screen.getByLabelText(m.filtersAll));
  next();
  server.afterRead = () => (server.rules = [toDev, toTokyo]);
  next();
  expect(await screen.findByRole('button', { name: m.takeStored })).toBeTruthy();
  expect(server).toMatchObject({ rules: [toDev, toTokyo], puts: 0 });
});

test('what someone else has changed meanwhile is overwritten only when that is wanted', async () => {
  const { server, next } = await walk(toDev);
  next();
  fireEvent.click(screen.getByLabelText(m.filtersAll));
  next();
  server.rules = [toDev, toTokyo];
  next();
  expect(await screen.findByRole('button', { name: m.keepMine })).toBeTruthy();
  expect(server.puts).toBe(0);
  fireEvent.click(screen.getByRole('button', { name: m.keepMine }));
  next();
  await waitFor(() => expect(server).toMatchObject({ rules: [{ destinations: toDev.destinations }], puts: 1 }));
});

test('their rules can be taken over', async () => {
  const { server, next } = await walk(toDev);
  next();
  fireEvent.click(screen.getByLabelText(m.filtersAll));
  next();
  server.rules = [toTokyo];
  next();
  fireEvent.click(await screen.findByRole('button', { name: m.takeStored }));
  expect(screen.getByText(m.sentence(m.sentenceAll, m.sentenceOwn('ap-northeast-1')))).toBeTruthy();
  expect(screen.queryByRole('button', { name: m.keepMine })).toBeNull();
  expect(server).toMatchObject({ rules: [toTokyo], puts: 0 });
});

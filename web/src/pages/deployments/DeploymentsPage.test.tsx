import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, test, vi } from 'vitest';

import type { DestinationStatistics, Peer, PeerDetail } from '../../api/twinport';
import { NotificationBar, NotificationsProvider } from '../../app/notifications';
import type { Language, Messages } from '../../i18n';
import * as en from '../../i18n/en';
import * as ja from '../../i18n/ja';
import { detailOf, peerOf } from '../../testing/peer';
import { show, type Answers } from '../../testing/show';
import { DeploymentsPage } from './DeploymentsPage';

const dev = '444455556666';
const there = { registryId: dev, region: 'us-west-2' };
const statistics: DestinationStatistics = {
  ...there,
  peerName: 'oregon',
  inRules: true,
  inProgress: 12,
  failed: 2,
  intervals: [],
};

/** The page's answers for a registry that replicates to dev at oregon. */
function answersWith(peers: Peer[], operator = false): Answers {
  return {
    ListPeers: { peers },
    DescribeDeployment: {
      deploymentId: 'id-of-tokyo',
      deploymentName: 'tokyo',
      version: 'v1.2.4',
      accountId: '111122223333',
      accountName: 'prod',
      region: 'us-east-1',
      regions: ['us-east-1'],
      registryUri: '',
      registryHost: '',
      stores: 'embedded',
      operator,
    },
    DescribeRegistry: {
      registryId: '111122223333',
      replicationConfiguration: {
        rules: [{ destinations: [there], repositoryFilters: [{ filter: 'team/', filterType: 'PREFIX_MATCH' }] }],
      },
    },
    CheckReplicationDestinations: {
      destinations: [{ ...there, peerName: 'oregon', status: 'GRANTED', repositoryName: 'app' }],
    },
    GetReplicationStatistics: { startTime: 0, endTime: 0, intervalInSeconds: 60, destinations: [statistics] },
  };
}

test.each([
  { language: 'en' as const, m: en },
  { language: 'ja' as const, m: ja },
])('peers are shown in $language with what waits and what moves', async ({ language, m }) => {
  const peer = peerOf({
    servesAccount: true,
    speaksForAccount: true,
    inProgress: 12,
    failed: 2,
    moving: { replications: 1, bytesTotal: 3e6, bytesSent: 1e6, bytesPerSecond: 5e5, timeLeftInMillis: 4000 },
  });
  await show(<DeploymentsPage />, { language, answers: answersWith([peer, peerOf({ name: 'osaka' })]) });
  const table = within(await screen.findByRole('table', { name: m.deployments.peers }));
  const row = within(table.getAllByRole('row')[1]!);
  expect(row.getByText(m.deployments.states.REACHABLE)).toBeTruthy();
  expect(row.getByRole('link', { name: new RegExp(m.deployments.openConsole('oregon')) })).toHaveProperty(
    'href',
    'https://oregon.example.com/console/',
  );
  for (const text of [
    'us-west-2',
    m.deployments.versionOf('v1.2.3'),
    m.deployments.servesAccount,
    m.deployments.speaksForAccount,
    m.deployments.takesAccount,
    m.deployments.waitingCount('12'),
    m.deployments.failedCount('2'),
    m.deployments.sending(1, '1'),
  ]) {
    expect(row.getByText(text), text).toBeTruthy();
  }
  expect(row.getByRole('progressbar').getAttribute('value')).toBe('33');
  expect(await screen.findByText('id-of-tokyo')).toBeTruthy();
  expect(screen.getByText(m.deployments.noURL)).toBeTruthy();
});

test('the picture is a list of deployments with their destinations', async () => {
  await show(<DeploymentsPage />, { answers: answersWith([peerOf()]) });
  const ways = within(await screen.findByRole('list', { name: en.deployments.replicatesTo }));
  await ways.findByText(en.replication.grants.GRANTED);
  expect(ways.getByRole('heading', { name: 'oregon' })).toBeTruthy();
  expect(ways.getByText(en.deployments.ways.good)).toBeTruthy();
  expect(ways.getByText(dev)).toBeTruthy();
  expect(ways.getByText('team/*')).toBeTruthy();
  expect(ways.getByText(en.deployments.waitingCount('12'))).toBeTruthy();
});

test('of a peer that cannot be used it is said what is wrong and what to do', async () => {
  const peer = peerOf({
    status: 'UNREACHABLE',
    failureCode: 'TLS',
    failureReason: 'The certificate of https://oregon.example.com has ended: renew it there.',
    nextTryAt: 1_795_456_030,
    unagreedRegions: ['us-west-1'],
    clockOffsetInMillis: -120_000,
  });
  await show(<DeploymentsPage />, { answers: answersWith([peer]) });
  expect(await screen.findByText(en.deployments.problem('oregon', en.activity.failures.TLS!))).toBeTruthy();
  expect(screen.getByText(new RegExp(en.deployments.advice.TLS!.slice(0, 40)))).toBeTruthy();
  expect(screen.getByText(peer.failureReason!)).toBeTruthy();
  expect(screen.getByText(en.deployments.unagreed('oregon'))).toBeTruthy();
  expect(screen.getByText(en.deployments.clock('oregon', '2 min'))).toBeTruthy();
  const ways = within(await screen.findByRole('list', { name: en.deployments.replicatesTo }));
  expect(await ways.findByText(en.deployments.ways.away)).toBeTruthy();
});

test('without peers it is said how to get one', async () => {
  await show(<DeploymentsPage />, { answers: answersWith([]) });
  expect(await screen.findByText(en.deployments.noPeers)).toBeTruthy();
});

test('a peer that is reached by tunnel says so, and why no tunnel can be dialled', async () => {
  const tunnelFailureReason = 'The peer oregon has tunnels enough.';
  const peer = peerOf({ tunnels: 4, tunnelFailureReason });
  const { url: _, ...unreachable } = peerOf({ name: 'plant', tunnels: 1 });
  await show(<DeploymentsPage />, { answers: answersWith([peer, unreachable]) });
  expect(await screen.findByText(en.deployments.tunnelProblem('oregon'))).toBeTruthy();
  expect(screen.getByText(tunnelFailureReason)).toBeTruthy();
  expect(screen.getByText(en.deployments.tunnels(4, '4'))).toBeTruthy();
  const row = within(screen.getByRole('row', { name: /plant/ }));
  expect(row.getByText(en.deployments.byTunnel)).toBeTruthy();
  expect(row.getByText(en.deployments.tunnels(1, '1'))).toBeTruthy();
  expect(screen.queryByRole('button', { name: en.deployments.actionsOn('oregon') })).toBeNull();
});

/** Shows the page to an operator, and opens what can be done with oregon; what it returns chooses from that. */
async function operate(m: Messages, language: Language, answers: Answers, detail: Partial<PeerDetail> = {}) {
  const details = { DescribePeers: { peers: [detailOf(detail)] } };
  await show(<DeploymentsPage />, { language, answers: { ...answersWith([peerOf()], true), ...details, ...answers } });
  fireEvent.click(await screen.findByRole('button', { name: m.deployments.actionsOn('oregon') }));
  return async (text: string) => {
    const item = await screen.findByRole('menuitem', { name: text });
    await waitFor(() => expect(item.getAttribute('aria-disabled')).not.toBe('true'));
    fireEvent.click(item);
  };
}

test.each([
  { language: 'en' as const, m: en },
  { language: 'ja' as const, m: ja },
])('an operator changes in $language what a peer may do', async ({ language, m }) => {
  const GrantPeer = vi.fn(() => ({ peer: detailOf() }));
  const press = await operate(m, language, { GrantPeer });
  await press(m.deployments.changeGrant);
  const field = await screen.findByLabelText<HTMLInputElement>(m.deployments.intoHere);
  expect(field.value).toBe('444455556666');
  expect(screen.getByText(m.deployments.serves('oregon', '444455556666', false))).toBeTruthy();
  const save = screen.getByRole<HTMLButtonElement>('button', { name: m.shell.save });
  fireEvent.change(field, { target: { value: '4444' } });
  expect(save.disabled).toBe(true);
  fireEvent.change(field, { target: { value: 'all' } });
  fireEvent.click(save);
  await waitFor(() => expect(screen.queryByLabelText(m.deployments.intoHere)).toBeNull());
  expect(GrantPeer).toHaveBeenCalledWith({ peerName: 'oregon', grant: { allAccounts: true, accounts: [] } });
});

test('an operator removes a peer once that is confirmed, and is told why it cannot be', async () => {
  let refused = true;
  const RemovePeer = vi.fn(() => {
    if (refused) {
      throw 'PeerUnavailableException';
    }
    return { peerName: 'oregon' };
  });
  const press = await operate(en, 'en', { RemovePeer });
  await press(en.deployments.removePeer);
  expect(await screen.findByText(en.deployments.removeAdvice)).toBeTruthy();
  expect(RemovePeer).not.toHaveBeenCalled();
  const remove = screen.getByRole('button', { name: en.shell.remove });
  fireEvent.click(remove);
  expect(await screen.findByText(/PeerUnavailableException/)).toBeTruthy();
  refused = false;
  fireEvent.click(remove);
  await waitFor(() => expect(screen.queryByText(en.deployments.removeAdvice)).toBeNull());
  expect(RemovePeer).toHaveBeenLastCalledWith({ peerName: 'oregon' });
});

test.each([
  { language: 'en' as const, m: en },
  { language: 'ja' as const, m: ja },
])(
  'an operator rotates the key in $language, once told what that does, and who has taken it',
  async ({ language, m }) => {
    const deploymentKey = 'ed25519:c2Vjb25k';
    let refused = true;
    const RotatePeerKey = vi.fn(() => {
      if (refused) {
        throw 'PeerUnavailableException';
      }
      const peers = [detailOf({ keyNumber: 2 }), detailOf({ name: 'osaka', keyNumber: 1 })];
      return { keyNumber: 2, deploymentKey, peers };
    });
    await show(
      <NotificationsProvider>
        <NotificationBar />
        <DeploymentsPage />
      </NotificationsProvider>,
      {
        language,
        answers: { ...answersWith([peerOf()], true), DescribePeers: { peers: [detailOf()] }, RotatePeerKey },
      },
    );
    fireEvent.click(await screen.findByRole('button', { name: m.deployments.rotateKey }));
    const dialog = within(screen.getByRole('dialog'));
    dialog.getByText(m.deployments.rotateAdvice);
    dialog.getByText(m.deployments.rotateNothingStops);
    expect(RotatePeerKey).not.toHaveBeenCalled();
    const rotate = dialog.getByRole('button', { name: m.deployments.rotateKey });
    fireEvent.click(rotate);
    await dialog.findByText(/PeerUnavailableException/);
    refused = false;
    fireEvent.click(rotate);
    await screen.findByText(m.deployments.rotated('2'));
    screen.getByText(m.deployments.keyTaken('oregon'));
    screen.getByText(m.deployments.keyNotTaken('osaka'));
    screen.getByText(deploymentKey);
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  },
);

test('who does not operate the deployment rotates no key', async () => {
  await show(<DeploymentsPage />, { answers: answersWith([peerOf()]) });
  await screen.findByText('id-of-tokyo');
  expect(screen.queryByRole('button', { name: en.deployments.rotateKey })).toBeNull();
});

test('an operator has a peer called now', async () => {
  const CheckPeers = vi.fn(() => ({ peers: [detailOf({ answered: true })] }));
  const press = await operate(en, 'en', { CheckPeers });
  await press(en.deployments.checkNow);
  await waitFor(() => expect(CheckPeers).toHaveBeenCalledWith({ peerName: 'oregon' }));
});

test('a peer of the configuration is changed there', async () => {
  await operate(en, 'en', {}, { source: 'CONFIGURATION' });
  await screen.findAllByText(en.deployments.isConfigured);
  for (const name of [en.deployments.changeGrant, en.deployments.removePeer]) {
    const item = screen.getByRole('menuitem', { name: new RegExp(name) });
    expect(item.getAttribute('aria-disabled'), name).toBe('true');
  }
});

import { fireEvent, screen, waitFor } from '@testing-library/react';
import { expect, test, vi } from 'vitest';

import type { Peer } from '../../api/twinport';
import { deployments as en } from '../../i18n/en/deployments';
import { permissions } from '../../i18n/en/permissions';
import { deployments as ja } from '../../i18n/ja/deployments';
import { detailOf, peerOf } from '../../testing/peer';
import { show } from '../../testing/show';
import { JoinPage } from './JoinPage';

function answersOf(peers: () => Peer[], deploymentUrl?: string, operator = false) {
  return {
    ListPeers: () => ({ peers: peers() }),
    DescribeDeployment: {
      deploymentName: 'tokyo',
      ...(deploymentUrl ? { deploymentUrl } : {}),
      version: 'v1.2.4',
      accountId: '111122223333',
      accountName: 'prod',
      region: 'us-east-1',
      regions: ['us-east-1'],
      registryUri: '',
      registryHost: '',
      stores: 'embedded' as const,
      operator,
    },
  };
}

test.each([
  { language: 'en' as const, m: en },
  { language: 'ja' as const, m: ja },
])('the commands of both sides are shown in $language, and change with what is chosen', async ({ language, m }) => {
  await show(<JoinPage />, { language, answers: answersOf(() => [], 'https://tokyo.example.com') });
  expect((await screen.findByLabelText(m.stepInviteHere('tokyo'), { selector: 'pre' })).textContent).toBe(
    'twinport peer invite --accounts 111122223333',
  );
  expect(screen.getByText(m.waitingForPeer)).toBeTruthy();
  fireEvent.change(screen.getByLabelText(m.intoHere), { target: { value: 'all' } });
  fireEvent.click(screen.getByLabelText(m.inviterThere));
  fireEvent.click(screen.getByLabelText(m.outbound));
  expect(screen.getByLabelText(m.stepInviteThere, { selector: 'pre' }).textContent).toBe(
    'twinport peer invite --accounts 111122223333',
  );
  expect(screen.getByLabelText(m.stepJoinHere('tokyo'), { selector: 'pre' }).textContent).toBe(
    'twinport peer join CODE --accounts all --outbound',
  );
});

test('a deployment without a URL lets the other one invite', async () => {
  await show(<JoinPage />, { answers: answersOf(() => []) });
  expect(await screen.findByText(en.inviterHereWithout)).toBeTruthy();
  expect(screen.getByLabelText<HTMLInputElement>(en.inviterHere('tokyo')).disabled).toBe(true);
  expect(screen.getByLabelText(en.stepJoinHere('tokyo'), { selector: 'pre' }).textContent).toContain('--outbound');
  fireEvent.change(screen.getByLabelText(en.intoThere), { target: { value: '4444' } });
  expect(screen.getByText(permissions.problems.accountLength('4444', 4))).toBeTruthy();
});

test('who has joined appears by itself', async () => {
  let peers = [peerOf({ name: 'osaka' })];
  await show(<JoinPage />, { answers: answersOf(() => peers, 'https://tokyo.example.com') });
  expect(await screen.findByText(en.waitingForPeer)).toBeTruthy();
  peers = [...peers, peerOf({ name: 'oregon' })];
  expect(await screen.findByText(en.joined('oregon'), {}, { timeout: 10_000 })).toBeTruthy();
});

test.each([
  { language: 'en' as const, m: en },
  { language: 'ja' as const, m: ja },
])('an operator makes a code in $language, for the accounts that are named', async ({ language, m }) => {
  const InvitePeer = vi.fn(() => ({ invitationCode: 'twinport1-secret', expiresAt: 1_795_456_000 }));
  await show(<JoinPage />, {
    language,
    answers: { ...answersOf(() => [], 'https://tokyo.example.com', true), InvitePeer },
  });
  fireEvent.click(await screen.findByRole('button', { name: m.makeCode }));
  expect((await screen.findByLabelText(m.code, { selector: 'pre' })).textContent).toBe('twinport1-secret');
  expect(InvitePeer).toHaveBeenCalledWith({ grant: { allAccounts: false, accounts: ['111122223333'] } });
  expect(screen.getByLabelText(m.stepJoinThere, { selector: 'pre' })).toBeTruthy();
  // A code is good for what it was made for only.
  fireEvent.change(screen.getByLabelText(m.intoHere), { target: { value: '4444' } });
  expect(screen.queryByText('twinport1-secret')).toBeNull();
  expect(screen.getByRole<HTMLButtonElement>('button', { name: m.makeCode }).disabled).toBe(true);
});

test('an operator takes the code of the other deployment', async () => {
  let refused = true;
  const JoinPeer = vi.fn(() => {
    if (refused) {
      throw 'InvalidParameterException';
    }
    return { peer: detailOf() };
  });
  await show(<JoinPage />, { answers: { ...answersOf(() => [], undefined, true), JoinPeer } });
  const field = await screen.findByLabelText<HTMLInputElement>(en.code);
  const join = screen.getByRole<HTMLButtonElement>('button', { name: en.joinNow });
  expect(join.disabled).toBe(true);
  fireEvent.change(field, { target: { value: ' twinport1-secret ' } });
  fireEvent.click(join);
  expect(await screen.findByText(/JoinPeer: InvalidParameterException/)).toBeTruthy();
  expect(field.value).toBe(' twinport1-secret ');
  refused = false;
  fireEvent.click(join);
  await waitFor(() => expect(field.value).toBe(''));
  expect(JoinPeer).toHaveBeenLastCalledWith({
    invitationCode: ' twinport1-secret ',
    grant: { allAccounts: false, accounts: ['111122223333'] },
    outbound: true,
  });
});

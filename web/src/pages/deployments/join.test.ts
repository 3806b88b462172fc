import { expect, test } from 'vitest';

import { accountsOf, commandsOf, grantOf, textOf } from './join';

const form = { inviter: 'here' as const, intoHere: '4444-5555-6666, 777788889999', intoThere: 'all', outbound: false };

test('each side names the accounts that may replicate into it', () => {
  expect(commandsOf(form)).toEqual({
    invite: 'twinport peer invite --accounts 444455556666,777788889999',
    join: 'twinport peer join CODE --accounts all',
    check: 'twinport peer check',
  });
  expect(commandsOf({ ...form, inviter: 'there', outbound: true })).toMatchObject({
    invite: 'twinport peer invite --accounts all',
    join: 'twinport peer join CODE --accounts 444455556666,777788889999 --outbound',
  });
  expect(commandsOf({ ...form, intoHere: ' ' }).invite).toBe('twinport peer invite');
});

test.each(['', 'all', '444455556666, 777788889999'])('a field that says %j grants that', (text) => {
  expect(textOf(grantOf(text))).toBe(text);
  expect(grantOf(text).allAccounts).toBe(text === 'all');
});

test('nothing but accounts gets into a command', () => {
  expect(accountsOf('4444; rm -rf /').problems).not.toEqual([]);
  expect(commandsOf({ ...form, intoHere: '4444; rm -rf /' }).invite).toBe('twinport peer invite');
  expect(accountsOf(' ALL ').accounts).toBe('all');
});

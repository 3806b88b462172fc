import { expect, test } from 'vitest';

import { readAccounts } from './accounts';

const own = '999988887777';

test.each([
  ['', []],
  [' 111122223333 ', ['111122223333']],
  ['111122223333,444455556666\n012345678901', ['111122223333', '444455556666', '012345678901']],
  ['1111-2222-3333;4444-5555-6666', ['111122223333', '444455556666']],
  ['１１１１２２２２３３３３、　444455556666', ['111122223333', '444455556666']],
])('%j is right', (text, accounts) => {
  expect(readAccounts(text, own)).toEqual({ accounts, problems: [] });
});

test.each([
  ['1111', { kind: 'length', account: '1111', digits: 4 }],
  ['1111222233334', { kind: 'length', account: '1111222233334', digits: 13 }],
  ['11112222333a', { kind: 'characters', account: '11112222333a' }],
  ['111-122223333', { kind: 'characters', account: '111-122223333' }],
  [own, { kind: 'own', account: own }],
])('%s is wrong, and what stands beside it is kept', (word, problem) => {
  expect(readAccounts(`444455556666 ${word}`, own)).toEqual({ accounts: ['444455556666'], problems: [problem] });
});

test('an account counts once', () => {
  expect(readAccounts('111122223333, 1111-2222-3333', own)).toEqual({
    accounts: ['111122223333'],
    problems: [{ kind: 'twice', account: '111122223333' }],
  });
});

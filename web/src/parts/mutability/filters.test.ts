import { expect, test } from 'vitest';

import { filterProblem } from './filters';

test('filters of tags', () => {
  expect(filterProblem('release-*', ['release-*'])).toBeUndefined();
  expect(filterProblem('', [''])).toBe('empty');
  expect(filterProblem('a b', ['a b'])).toBe('characters');
  expect(filterProblem('v*', ['v*', 'v*'])).toBe('twice');
  expect(filterProblem('v'.repeat(129), [])).toBe('long');
});

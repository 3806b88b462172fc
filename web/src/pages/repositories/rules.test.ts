import { expect, test } from 'vitest';

import { destinationsFor } from './rules';

const dev = { registryId: '444455556666', region: 'us-east-1' };
const tokyo = { registryId: '111122223333', region: 'ap-northeast-1' };

test('a repository goes where the rules say whose filters it matches, once', () => {
  const rules = [
    { destinations: [dev] },
    { destinations: [dev, tokyo], repositoryFilters: [{ filter: 'team/', filterType: 'PREFIX_MATCH' as const }] },
  ];
  expect(destinationsFor('team/app', rules)).toEqual([dev, tokyo]);
  expect(destinationsFor('app', rules)).toEqual([dev]);
  expect(destinationsFor('app', [rules[1]!])).toEqual([]);
  expect(destinationsFor('app', [])).toEqual([]);
});

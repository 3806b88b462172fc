import { expect, test } from 'vitest';

import type { DestinationCheck, Statistics } from '../../api/twinport';
import { destinationKey } from '../../parts/destinations/destinationChecks';
import { destinationRows } from './destinations';

const east = { registryId: '444455556666', region: 'us-east-1' };
const west = { registryId: '444455556666', region: 'us-west-2' };

test('rows follow the rules, each with its own check', () => {
  const granted: DestinationCheck = { ...east, status: 'GRANTED', repositoryName: 'app' };
  const refused: DestinationCheck = { ...east, status: 'NOT_GRANTED', repositoryName: 'team/app' };
  const statistics: Statistics = {
    startTime: 0,
    endTime: 1,
    intervalInSeconds: 60,
    destinations: [{ ...west, inRules: true, inProgress: 1, failed: 2, intervals: [] }],
  };
  const rules = [
    { destinations: [west, east] },
    { destinations: [east], repositoryFilters: [{ filter: 'team/', filterType: 'PREFIX_MATCH' as const }] },
  ];
  const rows = destinationRows(
    rules,
    [granted, refused].map((check) => new Map([[destinationKey(check), check]])),
    statistics,
  );
  expect(rows).toMatchObject([
    { ...west, rule: 0, prefixes: [], check: undefined, statistics: { failed: 2 } },
    { ...east, rule: 0, check: granted, statistics: undefined },
    { ...east, rule: 1, prefixes: ['team/'], check: refused },
  ]);
});

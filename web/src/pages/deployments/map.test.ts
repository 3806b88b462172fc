import { expect, test } from 'vitest';

import type { ReplicationRule } from '../../api/ecr';
import type { DestinationCheck, DestinationStatistics, Grant } from '../../api/twinport';
import { peerOf } from '../../testing/peer';
import { mapOf } from './map';

const dev = '444455556666';
const here = ['us-east-1'];

function rule(regions: string[], ...filters: string[]): ReplicationRule {
  return {
    destinations: regions.map((region) => ({ registryId: dev, region })),
    repositoryFilters: filters.map((filter) => ({ filter, filterType: 'PREFIX_MATCH' })),
  };
}

/** The map of rules of which the checks say this, by Region. */
function mapFor(
  rules: ReplicationRule[],
  known: Record<string, [Grant, string?]>,
  peers = [peerOf({ name: 'oregon' }), peerOf({ name: 'osaka', status: 'UNREACHABLE' })],
  statistics: DestinationStatistics[] = [],
) {
  const checkOf = ({ registryId, region }: { registryId: string; region: string }): DestinationCheck | undefined => {
    const [status, peerName] = known[region] ?? [];
    return status && { registryId, region, status, repositoryName: 'app', ...(peerName ? { peerName } : {}) };
  };
  return mapOf(rules, checkOf, statistics, here, peers);
}

test('destinations are grouped by who serves them, this deployment first', () => {
  const groups = mapFor([rule(['us-west-2', 'mars-1', 'us-east-1', 'ap-northeast-3', 'us-west-1'])], {
    'us-west-2': ['GRANTED', 'oregon'],
    'us-west-1': ['NOT_GRANTED', 'oregon'],
    'ap-northeast-3': ['GRANTED', 'osaka'],
    'us-east-1': ['GRANTED'],
    'mars-1': ['NO_REGISTRY'],
  });
  expect(groups.map((g) => [g.served, g.name, g.state, g.destinations.map((d) => d.region)])).toEqual([
    ['here', '', 'good', ['us-east-1']],
    ['peer', 'oregon', 'refused', ['us-west-2', 'us-west-1']],
    ['peer', 'osaka', 'away', ['ap-northeast-3']],
    ['nowhere', '', 'refused', ['mars-1']],
  ]);
  expect(groups[1]!.peer?.name).toBe('oregon');
});

test('what is not checked yet is where its statistics or its Region say', () => {
  const statistics = { registryId: dev, region: 'us-west-2', peerName: 'oregon' } as DestinationStatistics;
  const groups = mapFor([rule(['us-west-2', 'us-east-1', 'us-west-1'])], {}, undefined, [statistics]);
  expect(groups.map((g) => [g.served, g.name, g.state])).toEqual([
    ['here', '', 'unknown'],
    ['peer', 'oregon', 'unknown'],
    ['unknown', '', 'unknown'],
  ]);
});

test('a destination of several rules stands once, with all that goes there', () => {
  const filters = (...rules: ReplicationRule[]) => mapFor(rules, {})[0]!.destinations.map((d) => d.prefixes);
  expect(filters(rule(['us-east-1'], 'app/', 'web/'), rule(['us-east-1'], 'app/', 'db/'))).toEqual([
    ['app/', 'web/', 'db/'],
  ]);
  expect(filters(rule(['us-east-1'], 'app/'), rule(['us-east-1']))).toEqual([[]]);
  expect(filters(rule(['us-east-1']), rule(['us-east-1'], 'app/'))).toEqual([[]]);
});

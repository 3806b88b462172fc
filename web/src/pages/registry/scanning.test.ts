import { expect, test } from 'vitest';

import {
  limitsScanningRepositoryFilterValue as limitsFilter,
  type RegistryScanningConfiguration,
  type ScanFrequency,
  type ScanType,
} from '../../api/ecr';
import {
  configurationOf,
  droppedBy,
  filterProblem,
  formOf,
  newFilterRow,
  placeOf,
  sameScanning,
  scanningValid,
} from './scanning';

/** A configuration with a rule for each of the frequencies. */
function scanning(
  scanType: ScanType,
  filters: Partial<Record<ScanFrequency, string[]>> = {},
): RegistryScanningConfiguration {
  return {
    scanType,
    rules: Object.entries(filters).map(([frequency, filters]) => ({
      scanFrequency: frequency as ScanFrequency,
      repositoryFilters: filters.map((filter) => ({ filter, filterType: 'WILDCARD' })),
    })),
  };
}

test.each([
  scanning('BASIC'),
  scanning('BASIC', { SCAN_ON_PUSH: ['team/*', 'web'], MANUAL: ['*'] }),
  scanning('ENHANCED', { CONTINUOUS_SCAN: ['prod*'], SCAN_ON_PUSH: ['*'] }),
])('a form stands for what it was made of: %j', (configuration) => {
  const form = formOf(configuration);
  expect(configurationOf(form)).toEqual(configuration);
  expect(droppedBy(form)).toEqual([]);
  expect(scanningValid(form)).toBe(true);
});

test('a type takes the rules that it has, and the other stays in the form', () => {
  const enhanced = scanning('ENHANCED', { CONTINUOUS_SCAN: ['prod*'], SCAN_ON_PUSH: ['*'] });
  const form = { ...formOf(enhanced), type: 'BASIC' as const };
  expect(configurationOf(form)).toEqual(scanning('BASIC', { SCAN_ON_PUSH: ['*'] }));
  expect(droppedBy(form)).toEqual(['CONTINUOUS_SCAN']);
  expect(configurationOf({ ...form, type: 'ENHANCED' })).toEqual(enhanced);
});

test('what scans alike is the same', () => {
  const some = scanning('BASIC', { MANUAL: ['a'], SCAN_ON_PUSH: ['b'] });
  expect(sameScanning(some, scanning('BASIC', { SCAN_ON_PUSH: ['b'], MANUAL: ['a'] }))).toBe(true);
  expect(sameScanning(scanning('BASIC', { SCAN_ON_PUSH: [] }), scanning('BASIC'))).toBe(true);
  for (const other of [
    scanning('ENHANCED', { SCAN_ON_PUSH: ['b'] }),
    scanning('BASIC', { SCAN_ON_PUSH: ['b'] }),
    scanning('BASIC', { SCAN_ON_PUSH: ['b', 'c'], MANUAL: ['a'] }),
    scanning('BASIC', { SCAN_ON_PUSH: ['a'], MANUAL: ['b'] }),
  ]) {
    expect(sameScanning(some, other), JSON.stringify(other)).toBe(false);
  }
});

test.each([
  ['', 'empty'],
  ['*', undefined],
  ['team/*', undefined],
  ['*a.b_c-d/e**', undefined],
  ['a'.repeat(255), undefined],
  ['a'.repeat(256), 'long'],
  ['Team', 'characters'],
  ['team ', 'characters'],
  ['a--b', 'separators'],
  ['a_.b', 'separators'],
  ['team/', 'separators'],
  ['.team', 'separators'],
])('filter %j: %s', (filter, problem) => {
  expect(filterProblem(filter, [newFilterRow(filter)])).toBe(problem);
  const { min, max, pattern } = limitsFilter;
  expect(filter.length >= min && filter.length <= max && pattern.test(filter)).toBe(problem === undefined);
});

test('a filter that stands twice in a rule is a problem, and in two rules it is none', () => {
  const form = formOf(scanning('BASIC', { SCAN_ON_PUSH: ['a', 'b'], MANUAL: ['a'] }));
  expect(scanningValid(form)).toBe(true);
  form.filters.SCAN_ON_PUSH.push(newFilterRow('a'));
  expect(filterProblem('a', form.filters.SCAN_ON_PUSH)).toBe('twice');
  expect(scanningValid(form)).toBe(false);
});

test('a filter is looked at in no time, however it is made', () => {
  const began = performance.now();
  expect(filterProblem(`${'a'.repeat(250)}--`, [])).toBe('separators');
  expect(performance.now() - began).toBeLessThan(1000);
});

test('what the server refuses has its place in the form', () => {
  const form = formOf(scanning('ENHANCED', { CONTINUOUS_SCAN: ['a'], SCAN_ON_PUSH: ['b', 'c'] }));
  const second = form.filters.SCAN_ON_PUSH[1]!;
  const at = (path: string) => placeOf(`Invalid parameter at '${path}' failed to satisfy constraint: 'x'`, form);
  expect(at('rules.2.member.repositoryFilters.2.member.filter')).toBe(second.key);
  expect(at('rules.2.member.repositoryFilters')).toBe('SCAN_ON_PUSH');
  expect(at('rules.1.member.scanFrequency')).toBe('CONTINUOUS_SCAN');
  expect(at('scanType')).toBe('type');
  expect(at('rules')).toBeUndefined();
  const frequency = "Invalid parameter failed to satisfy constraint: 'Invalid scan frequency for scanType ENHANCED: ";
  expect(placeOf(`${frequency}SCAN_ON_PUSH'`, form)).toBe('SCAN_ON_PUSH');
  expect(placeOf(`${frequency}MANUAL'`, form)).toBeUndefined();
  expect(placeOf('You may not do that', form)).toBeUndefined();
});

import { expect, test } from 'vitest';

import { mutabilityOf, mutabilityValid, settingOf, type Mutability } from './mutability';

test.each<Mutability>([
  { base: 'MUTABLE', exclusions: [] },
  { base: 'IMMUTABLE', exclusions: [] },
  { base: 'MUTABLE', exclusions: ['release-*'] },
  { base: 'IMMUTABLE', exclusions: ['latest', 'dev-*'] },
])('$base with $exclusions is what is read after it was set', (mutability) => {
  expect(mutabilityOf(settingOf(mutability))).toEqual(mutability);
});

test('a setting without exclusions sends no filters', () => {
  expect(settingOf({ base: 'IMMUTABLE', exclusions: [] })).toEqual({ imageTagMutability: 'IMMUTABLE' });
});

test('a filter that is empty or there twice is not sent', () => {
  expect(mutabilityValid({ base: 'IMMUTABLE', exclusions: [''] })).toBe(false);
  expect(mutabilityValid({ base: 'IMMUTABLE', exclusions: ['a', 'a'] })).toBe(false);
  expect(mutabilityValid({ base: 'IMMUTABLE', exclusions: ['a', 'b'] })).toBe(true);
});

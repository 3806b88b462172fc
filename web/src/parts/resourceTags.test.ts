import { expect, test } from 'vitest';

import { tagChanges } from './resourceTags';

const saved = [
  { Key: 'team', Value: 'web' },
  { Key: 'stage', Value: '' },
];

test('nothing changed asks for nothing', () => {
  expect(
    tagChanges(saved, [
      { key: 'stage', value: '' },
      { key: 'team', value: 'web' },
    ]),
  ).toEqual({ tags: [], tagKeys: [] });
});

test('new, changed and removed tags', () => {
  const edited = [
    { key: 'team', value: 'api' },
    { key: 'stage', value: '', markedForRemoval: true },
    { key: 'cost', value: '7' },
  ];
  expect(tagChanges(saved, edited)).toEqual({
    tags: [
      { Key: 'team', Value: 'api' },
      { Key: 'cost', Value: '7' },
    ],
    tagKeys: ['stage'],
  });
});

test('a key that is removed and added again is overwritten', () => {
  const edited = [
    { key: 'team', value: 'web', markedForRemoval: true },
    { key: 'team', value: 'api' },
    { key: 'stage', value: '' },
  ];
  expect(tagChanges(saved, edited)).toEqual({ tags: [{ Key: 'team', Value: 'api' }], tagKeys: [] });
});

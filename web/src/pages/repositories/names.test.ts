import { expect, test } from 'vitest';

import { limitsRepositoryName } from '../../api/ecr';
import { nameProblem } from './names';

test.each(['ab', 'app', 'team/app', 'a-b', 'a--b', 'a_b', 'a__b', 'a.b', 'a/b.c/d---e', '12', 'a'.repeat(256)])(
  '%s is a name',
  (name) => {
    expect(nameProblem(name)).toBeUndefined();
    expect(name).toMatch(limitsRepositoryName.pattern);
  },
);

test.each([
  ['', 'short'],
  ['a', 'short'],
  ['App', 'capitals'],
  ['my app', 'characters'],
  ['app:1', 'characters'],
  ['アプリ', 'characters'],
  ['/app', 'begin'],
  ['-app', 'begin'],
  ['app/', 'end'],
  ['app-', 'end'],
  ['a..b', 'separators'],
  ['a//b', 'separators'],
  ['a___b', 'separators'],
  ['a/-b', 'separators'],
  ['a.-b/c', 'separators'],
  ['a'.repeat(257), 'long'],
])('%j is refused: %s', (name, problem) => {
  expect(nameProblem(name)).toBe(problem);
  const { min, max, pattern } = limitsRepositoryName;
  expect(name.length >= min && name.length <= max && pattern.test(name)).toBe(false);
});

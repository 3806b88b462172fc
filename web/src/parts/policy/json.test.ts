import { expect, test } from 'vitest';

import { findJSONProblem, offsetOf, positionOf } from './json';

test.each(['{}', ' [1, -2.5e3, "a\\u00e9\\n", true, null, {"a": {"b": []}}] ', '"text"', '0'])('%s is JSON', (text) => {
  JSON.parse(text);
  expect(findJSONProblem(text)).toBeUndefined();
});

test.each([
  ['', 'end', 0],
  ['{"a": 1', 'end', 7],
  ['{"a": "x', 'end', 8],
  ['{"a": 1,}', 'name', 8],
  ['{a: 1}', 'name', 1],
  ['{"a" 1}', 'colon', 5],
  ['{"a": 1 "b": 2}', 'comma', 8],
  ['[1 2]', 'comma', 3],
  ['[1,]', 'value', 3],
  ["{'a': 1}", 'name', 1],
  ['{"a": tru}', 'value', 6],
  ['[01]', 'comma', 2],
  ['"a\nb"', 'string', 2],
  ['"\\x"', 'escape', 2],
  ['"\\u12"', 'escape', 2],
  ['{} {}', 'after', 3],
  ['['.repeat(100), 'depth', 65],
] as const)('%j is not: %s at %i', (text, kind, offset) => {
  expect(() => void JSON.parse(text)).toThrow();
  expect(findJSONProblem(text)).toEqual({ kind, offset });
});

test('a member that stands twice in an object is found, however it is written', () => {
  expect(findJSONProblem('{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}')).toBeUndefined();
  expect(findJSONProblem('{"a": 1, "b": {"c": 1, "\\u0063": 2}}')).toEqual({ kind: 'twice', offset: 23 });
});

test('positions count lines and characters from 1, and lead back', () => {
  const text = '{\n  "😀é": x';
  const offset = text.indexOf('x');
  expect(positionOf(text, offset)).toEqual({ line: 2, column: 9 });
  expect(offsetOf(text, 2, 9)).toBe(offset);
  expect(offsetOf(text, 1, 99)).toBe(1);
  expect(offsetOf(text, 9, 1)).toBe(text.length);
});

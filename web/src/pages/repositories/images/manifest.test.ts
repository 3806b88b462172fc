import { expect, test } from 'vitest';

import { readable } from './manifest';

test('one line is broken up, many are left alone', () => {
  expect(readable('{"a":1}', 100)).toEqual({ shown: '{\n  "a": 1\n}', whole: true });
  expect(readable('{\n "a":1}', 100)).toEqual({ shown: '{\n "a":1}', whole: true });
  expect(readable('{"a":"' + 'x'.repeat(200) + '"}', 100)).toEqual({ shown: '{"a":"' + 'x'.repeat(94), whole: false });
});

import { expect, test, vi } from 'vitest';

import { formatOf, groupedAccount } from './format';

const en = formatOf('en');
const ja = formatOf('ja');

test.each([
  [0, '0 byte'],
  [999, '999 byte'],
  [1000, '1 kB'],
  [31_457_280, '31.5 MB'],
  [999_950, '1,000 kB'],
  [2.5e12, '2.5 TB'],
  [5e18, '5,000 PB'],
])('%d bytes are %s', (count, text) => {
  expect(en.bytes(count)).toBe(text);
});

test.each([
  [0.4, '0.4 ms'],
  [999, '999 ms'],
  [1500, '1.5 sec'],
  [119_000, '119 sec'],
  [120_000, '2 min'],
  [7_200_000, '2 hr'],
])('%d milliseconds are %s', (millis, text) => {
  expect(en.duration(millis)).toBe(text);
});

test('how long ago is given in the largest unit that fits, and never lies ahead', () => {
  const now = 1_795_456_000;
  expect(en.ago(now + 5, now)).toBe('now');
  expect(en.ago(now - 42, now)).toBe('42 seconds ago');
  expect(en.ago(now - 3 * 3600, now)).toBe('3 hours ago');
  expect(ja.ago(now - 86_400, now)).toBe('昨日');
});

test('lists and numbers are the language’s own', () => {
  expect(en.list(['a', 'b', 'c'])).toBe('a, b, and c');
  expect(ja.list(['a', 'b', 'c'])).toBe('a、b、c');
  expect(en.number(10_000)).toBe('10,000');
});

test('English is the browser’s own English', () => {
  const at = Date.UTC(2026, 10, 23, 12) / 1000;
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['de-DE', 'en-GB']);
  expect(formatOf('en').dateTime(at)).toMatch(/^23 Nov 2026/);
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['en-US']);
  expect(formatOf('en').dateTime(at)).toMatch(/^Nov 23, 2026/);
});

test('account IDs are grouped, anything else is left alone', () => {
  expect(groupedAccount('012345678901')).toBe('0123-4567-8901');
  expect(groupedAccount('123')).toBe('123');
});

import { expect, test } from 'vitest';

import { goTo, pagesOf, start, tokenOf, trailOf } from './trail';

test('forward by tokens, and back the way that was gone', () => {
  let trail = start;
  expect(tokenOf(trail)).toBeUndefined();
  expect(pagesOf(trail, 'a')).toBe(2);
  trail = goTo(trail, 1, 'a');
  expect(tokenOf(trail)).toBe('a');
  trail = goTo(trail, 2, 'b');
  expect(tokenOf(trail)).toBe('b');
  expect(pagesOf(trail, undefined)).toBe(3);
  trail = goTo(trail, 0, undefined);
  expect(tokenOf(trail)).toBeUndefined();
  expect(pagesOf(trail, 'a')).toBe(3);
  trail = goTo(trail, 2, 'a');
  expect(tokenOf(trail)).toBe('b');
});

test('a page that ends elsewhere now leads to where it ends', () => {
  const trail = goTo(goTo(goTo(start, 1, 'a'), 0, 'b'), 1, 'x');
  expect(tokenOf(trail)).toBe('x');
});

test('nobody gets past the last page', () => {
  expect(goTo(start, 1, undefined)).toEqual(start);
  expect(goTo(start, -1, 'a').page).toBe(0);
});

test.each([
  null,
  undefined,
  'x',
  {},
  { trail: { tokens: 'a', page: 0 } },
  { trail: { tokens: ['a'], page: 2 } },
  { trail: { tokens: [1], page: 0 } },
])('%j is no trail', (kept) => {
  expect(trailOf(kept)).toEqual(start);
});

test('a trail outlives a reload', () => {
  const trail = goTo(start, 1, 'a');
  expect(trailOf(JSON.parse(JSON.stringify({ trail })))).toEqual(trail);
});

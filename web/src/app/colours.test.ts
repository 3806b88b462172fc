import { beforeEach, expect, test, vi } from 'vitest';

import { accountColour, palette } from './colours';

beforeEach(() => localStorage.clear());

test('accounts that are used together have different colours, and keep them', () => {
  const accounts = palette.map((_, i) => String(i).padStart(12, '0'));
  const colours = accounts.map(accountColour);
  expect(new Set(colours).size).toBe(palette.length);
  expect([...accounts].reverse().map(accountColour)).toEqual([...colours].reverse());
});

test('more accounts than colours share them, and what was stored may be anything', () => {
  for (let i = 0; i < 3 * palette.length; i++) {
    expect(palette).toContain(accountColour(String(i).padStart(12, '0')));
  }
  for (const stored of [
    '{',
    'null',
    '[]',
    '"x"',
    '{"000000000001": "red"}',
    '{"000000000001": -1}',
    '{"000000000001": 1e9}',
  ]) {
    localStorage.setItem('twinport.colours', stored);
    expect(palette, stored).toContain(accountColour('000000000001'));
  }
});

test('a browser that forbids storage still has a colour for each account', () => {
  vi.spyOn(Storage.prototype, 'getItem').mockImplementation(() => {
    throw new DOMException('no', 'SecurityError');
  });
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new DOMException('no', 'SecurityError');
  });
  expect(palette).toContain(accountColour('000000000001'));
});

test('white text can be read on every colour', () => {
  const luminance = (colour: string) => {
    const [r, g, b] = [1, 3, 5].map((i) => {
      const c = parseInt(colour.slice(i, i + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  for (const colour of palette) {
    expect(1.05 / (luminance(colour) + 0.05), colour).toBeGreaterThanOrEqual(4.5);
  }
});

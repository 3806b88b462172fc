import { expect, test } from 'vitest';

import { visible } from './visible';

test.each([
  ['PATH=/usr/bin:/bin', 'PATH=/usr/bin:/bin'],
  ['日本語 ü €', '日本語 ü €'],
  ['two\nlines', 'two\nlines'],
  ['a\u0000b', 'a⟨U+0000⟩b'],
  ['\u001b[2J', '⟨U+001B⟩[2J'],
  ['\r', '⟨U+000D⟩'],
  ['\u0085', '⟨U+0085⟩'],
  ['txt.\u202egnp', 'txt.⟨U+202E⟩gnp'],
  ['\u2066x\u2069', '⟨U+2066⟩x⟨U+2069⟩'],
  ['zero\u200bwidth\ufeff', 'zero⟨U+200B⟩width⟨U+FEFF⟩'],
  ['\u2028', '⟨U+2028⟩'],
  ['\ud800', '⟨U+D800⟩'],
  ['\u{e0041}', '⟨U+E0041⟩'],
  ['<script>alert(1)</script>', '<script>alert(1)</script>'], // React shows it as text
])('%j is shown as %j', (text, shown) => {
  expect(visible(text)).toBe(shown);
});

test('a long text is cut', () => {
  expect(visible('x'.repeat(10), 4)).toBe('xxxx…');
});

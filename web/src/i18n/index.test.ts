import { expect, test } from 'vitest';

import { preferredLanguage } from '.';
import * as en from './en';
import * as ja from './ja';

test.each([
  [null, ['ja-JP', 'en-US'], 'ja'],
  [null, ['fr-FR', 'ja', 'en'], 'ja'],
  [null, ['en-GB', 'ja'], 'en'],
  [null, ['fr-FR'], 'en'],
  [null, [], 'en'],
  ['en', ['ja-JP'], 'en'],
  ['ja', ['en-US'], 'ja'],
  ['xx', ['ja-JP'], 'ja'],
] as const)('chosen %s, browser %j: %s', (chosen, browser, language) => {
  expect(preferredLanguage(chosen, browser)).toBe(language);
});

/** The paths of all messages that are texts. */
function texts(messages: object, path = ''): [string, string][] {
  return Object.entries(messages).flatMap(([name, message]): [string, string][] =>
    typeof message === 'string'
      ? [[path + name, message]]
      : typeof message === 'object' && message !== null
        ? texts(message as object, `${path}${name}.`)
        : [],
  );
}

test('no message is empty, and none was left in English', () => {
  const english = new Map(texts(en));
  const japanese = texts(ja);
  expect(japanese.map(([path]) => path).sort()).toEqual([...english.keys()].sort());
  const alike = japanese.filter(
    ([path, text]) => text === '' || (text === english.get(path) && /[a-z]{3,} [a-z]{2,}/i.test(text)),
  );
  expect(alike).toEqual([]);
});

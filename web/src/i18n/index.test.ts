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

// Who speaks to a browser says what is shown (WCAG 2.5.3).
test.each([
  ['English', en],
  ['Japanese', ja],
])('the name of a button has the text on it: %s', (_, m) => {
  for (const [shown, name] of [
    [m.activity.retry, m.activity.retryOf('app:1', 'prod')],
    [m.backfills.results, m.backfills.resultsOf('prod')],
    [m.backfills.start, m.backfills.startFor('prod')],
    [m.backfills.stop, m.backfills.stopOf('prod')],
    [m.deployments.actions, m.deployments.actionsOn('tokyo')],
    [m.registrySettings.change, m.registrySettings.changeOf('it')],
    [m.replication.edit, m.replication.editRule(1)],
    [m.shell.account, m.shell.switchAccount('prod', '111122223333', 'us-east-1')],
    [m.shell.delete, m.templates.deleteOf('team')],
    [m.shell.edit, m.registrySettings.editScanning],
    [m.shell.edit, m.repositories.editScanOnPush],
    [m.shell.region, m.shell.switchRegion('us-east-1')],
    [m.shell.remove, m.registrySettings.includePulls('root')],
    [m.shell.remove, m.replication.removeRule(1)],
  ] as const) {
    expect(name.toLowerCase()).toContain(shown.toLowerCase());
  }
});

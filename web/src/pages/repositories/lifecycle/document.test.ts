import { expect, test } from 'vitest';

import {
  actingOrder,
  addRule,
  besideRules,
  countedBy,
  fieldsOf,
  hiddenOf,
  moveRule,
  newRule,
  rulesOf,
  withFields,
  withRules,
  type Rule,
} from './document';
import { presetRules, presets } from './presets';

/** A rule as the server returns it, with everything that it may have. */
const whole: Rule = {
  rulePriority: 3,
  description: 'the old ones',
  selection: {
    tagStatus: 'tagged',
    tagPrefixList: ['a', 'b'],
    countType: 'sinceImagePushed',
    countUnit: 'days',
    countNumber: 9,
  },
  action: { type: 'expire' },
  twinport: { unsigned: true, sinceTagged: 30, sincePulled: 60 },
};

const text = (value: unknown) => JSON.stringify(value);

test('a rule is read into fields, and what they do not say is named', () => {
  expect(fieldsOf(whole)).toEqual({
    priority: 3,
    description: 'the old ones',
    tagStatus: 'tagged',
    list: 'tagPrefixList',
    tags: ['a', 'b'],
    countType: 'sinceImagePushed',
    countNumber: 9,
    action: 'expire',
    unsigned: true,
    sinceTagged: 30,
    sincePulled: 60,
  });
  expect(hiddenOf(whole)).toEqual([]);
  expect(
    hiddenOf({
      rulePriority: '3',
      colour: 'red',
      selection: { tagStatus: 'none', storageClass: 'standard', countType: 'imageCountMoreThan', countNumber: null },
      action: ['expire'],
      twinport: { unsigned: false },
    }),
  ).toEqual([
    'rulePriority',
    'colour',
    'selection.tagStatus',
    'selection.storageClass',
    'selection.countNumber',
    'action',
    'twinport.unsigned',
  ]);
  expect(hiddenOf({ selection: { tagStatus: 'untagged', tagPatternList: [] } })).toEqual(['selection.tagPatternList']);
});

test('a field that is changed changes its members, in the order of the server, and nothing else', () => {
  expect(
    text(withFields({ x: 1, action: { type: 'expire', y: 2 }, ...whole, rulePriority: '3' }, { countNumber: 8 })),
  ).toBe(
    text({
      rulePriority: '3',
      description: 'the old ones',
      selection: {
        tagStatus: 'tagged',
        tagPrefixList: ['a', 'b'],
        countType: 'sinceImagePushed',
        countUnit: 'days',
        countNumber: 8,
      },
      action: { type: 'expire' },
      twinport: { unsigned: true, sinceTagged: 30, sincePulled: 60 },
      x: 1,
    }),
  );
  expect(withFields({ ...whole, action: { type: 'expire', y: 2 } }, { action: 'transition' }).action).toEqual({
    type: 'transition',
    targetStorageClass: 'archive',
    y: 2,
  });
});

test.each([
  [
    { tagStatus: 'any' },
    { selection: { tagStatus: 'any', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 9 } },
  ],
  [
    { list: 'tagPatternList' },
    { selection: { ...(whole.selection as Rule), tagPrefixList: undefined, tagPatternList: ['a', 'b'] } },
  ],
  [
    countedBy('imageCountMoreThan'),
    { selection: { tagStatus: 'tagged', tagPrefixList: ['a', 'b'], countType: 'imageCountMoreThan', countNumber: 9 } },
  ],
  [
    countedBy('sinceImageTransitioned'),
    { selection: { ...(whole.selection as Rule), storageClass: 'archive', countType: 'sinceImageTransitioned' } },
  ],
  [
    countedBy('sinceImagePulled'),
    {
      selection: { ...(whole.selection as Rule), countType: 'sinceImagePulled' },
      action: { type: 'transition', targetStorageClass: 'archive' },
    },
  ],
  [{ description: undefined }, { description: undefined }],
  [{ unsigned: false, sinceTagged: undefined }, { twinport: { sincePulled: 60 } }],
  [{ unsigned: false, sinceTagged: undefined, sincePulled: undefined }, { twinport: undefined }],
] as const)('%j is written with the members that follow from it', (changes, expected) => {
  const changed = withFields(whole, changes);
  expect(JSON.parse(text(changed))).toEqual(JSON.parse(text({ ...whole, ...expected })));
  expect(hiddenOf(changed)).toEqual([]);
});

test('of a text the form shows the rules, if it is JSON of rules', () => {
  expect(rulesOf('')).toEqual([]);
  expect(rulesOf(' \n')).toEqual([]);
  expect(rulesOf('{"a": 1}')).toEqual([]);
  expect(rulesOf(text({ rules: [whole] }))).toEqual([whole]);
  for (const other of ['{', '[]', '"x"', '{"rules": {}}', '{"rules": [1]}', '{"rules": [{"a": 1, "a": 2}]}']) {
    expect(rulesOf(other)).toBeUndefined();
  }
});

test('rules are written into a text, which keeps what else it says', () => {
  expect(JSON.parse(withRules('{"rules": [], "x": 1}', [whole]))).toEqual({ rules: [whole], x: 1 });
  expect(besideRules('{"rules": [], "x": 1}')).toEqual(['x']);
  expect(withRules(text({ rules: [whole] }), [])).toBe('');
  expect(JSON.parse(withRules('{"rules": [{}], "x": 1}', []))).toEqual({ rules: [], x: 1 });
});

const priorities = (rules: readonly Rule[]) => rules.map((rule) => rule.rulePriority);
const names = (rules: readonly Rule[]) => rules.map((rule) => rule.description);
const named = (description: string, priority: unknown, tagStatus = 'untagged'): Rule => ({
  rulePriority: priority,
  description,
  selection: { tagStatus },
});

test('a rule that is moved takes its place among the priorities that there are', () => {
  const rules = [named('a', 10), named('b', 20), named('c', 30)];
  const moved = moveRule(rules, 2, 0);
  expect(names(moved)).toEqual(['c', 'a', 'b']);
  expect(priorities(moved)).toEqual([10, 20, 30]);
  // Those that are no priorities, or stand twice, are made some.
  expect(priorities(moveRule([named('a', 7), named('b', 7), named('c', 'x')], 0, 1))).toEqual([7, 8, 9]);
});

test('a new rule acts before those about any image', () => {
  const added = addRule([named('a', 1), named('any', 5, 'any')], named('new', undefined));
  expect(names(added)).toEqual(['a', 'new', 'any']);
  expect(priorities(added)).toEqual([1, 5, 6]);
  expect(priorities(addRule([], newRule()))).toEqual([1]);
});

test('the rules act in the order of their priorities', () => {
  expect(actingOrder([named('a', 'x'), named('b', 9), named('c', 1), named('d', 9)])).toEqual([2, 1, 3, 0]);
});

test.each(presets)('the ready-made policy %s is one that the form shows whole', (preset) => {
  const rules = presetRules(preset, { releases: 'releases', others: 'others' });
  expect(rules.flatMap(hiddenOf)).toEqual([]);
  expect(priorities(rules)).toEqual(rules.map((_, index) => index + 1));
});

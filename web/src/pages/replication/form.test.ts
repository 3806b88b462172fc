import { describe, expect, it } from 'vitest';

import type { ReplicationRule } from '../../api/ecr';
import {
  accountDigits,
  accountProblem,
  changesOf,
  destinationCount,
  fieldOf,
  filterProblem,
  formOf,
  newAccountRow,
  newFilterRow,
  newRule,
  problemsOf,
  rulesOf,
  sameRules,
  type ReplicationForm,
} from './form';

const registry = { account: '111122223333', region: 'us-east-1' };
const served = ['ap-northeast-1', 'us-east-1'];
const other = '444455556666';

const rules: ReplicationRule[] = [
  {
    destinations: [
      { registryId: other, region: 'us-east-1' },
      { registryId: registry.account, region: 'ap-northeast-1' },
    ],
    repositoryFilters: [{ filter: 'app/', filterType: 'PREFIX_MATCH' }],
  },
  { destinations: [{ registryId: '777788889999', region: 'ap-northeast-1' }] },
];

/** A form of one rule with an account's destination. */
function formWith(account: string, region = 'us-east-1'): ReplicationForm {
  return {
    crossRegion: false,
    crossAccount: true,
    rules: [{ ...newRule(registry, false), accounts: [{ ...newAccountRow(region), account }] }],
  };
}

function only(form: ReplicationForm) {
  return [...problemsOf(form, registry, served).values()];
}

describe('the form of rules', () => {
  it('stands for the rules that it was made of', () => {
    const form = formOf(rules, registry);
    expect(form.crossRegion && form.crossAccount).toBe(true);
    expect(sameRules(rulesOf(form, registry), rules)).toBe(true);
    expect(problemsOf(form, registry, served).size).toBe(0);
  });

  it('brings back what was switched off', () => {
    const form = formOf(rules, registry);
    expect(rulesOf({ ...form, crossRegion: false }, registry)[0]!.destinations).toEqual([
      { registryId: other, region: 'us-east-1' },
    ]);
    expect(rulesOf({ ...form, crossRegion: false, crossAccount: false }, registry)).toEqual([]);
    expect(sameRules(rulesOf({ ...form, crossRegion: true }, registry), rules)).toBe(true);
  });

  it('keeps whether deletions are replicated, and what it does not know', () => {
    for (const more of [
      { deleteReplication: { enabled: true } },
      { deleteReplication: { enabled: false } },
      { toCome: { a: [1] } },
      {},
    ]) {
      const all = rules.map((rule) => ({ ...rule, ...more }));
      const saved = rulesOf(formOf(all, registry), registry);
      expect(saved.map(({ destinations: _, repositoryFilters: __, ...others }) => others)).toEqual([more, more]);
      expect(sameRules(saved, all)).toBe(true);
    }
  });

  it('switches the replication of deletions', () => {
    const form = formOf([{ ...rules[1]!, deleteReplication: { enabled: true } }, rules[0]!], registry);
    const switched = { ...form, rules: form.rules.map((rule) => ({ ...rule, deletions: !rule.deletions })) };
    expect(rulesOf(switched, registry).map((rule) => rule.deleteReplication)).toEqual([
      { enabled: false },
      { enabled: true },
    ]);
  });

  it('keeps the filters typed while all repositories are chosen', () => {
    const form = formOf(rules, registry);
    form.rules[0]!.filtered = false;
    expect(rulesOf(form, registry)[0]!.repositoryFilters).toBeUndefined();
    expect(form.rules[0]!.filters).toHaveLength(1);
  });
});

describe('account IDs', () => {
  it('are taken as people write them', () => {
    expect(accountDigits(' 4444-5555-6666 ')).toBe(other);
    expect(accountDigits('4444 5555　6666')).toBe(other);
    expect(accountDigits('４４４４５５５５６６６６')).toBe(other);
    expect(accountDigits('4444–5555–6666')).toBe(other);
    expect(accountDigits('prod')).toBe('prod');
  });

  it('have twelve digits', () => {
    expect(accountProblem('', registry.account)).toBe('accountNeeded');
    expect(accountProblem('44445555666', registry.account)).toBe('accountShort');
    expect(accountProblem('4444555566667', registry.account)).toBe('accountLong');
    expect(accountProblem('44445555666x', registry.account)).toBe('accountCharacters');
    expect(accountProblem(other, registry.account)).toBeUndefined();
  });

  it('are not the own one', () => {
    expect(only(formWith(registry.account))).toEqual(['ownAccount']);
    expect(only(formWith(registry.account, 'ap-northeast-1'))).toEqual(['ownAccount']);
  });
});

describe('destinations', () => {
  it('are there once in a rule', () => {
    const form = formWith(other);
    const twin = { ...newAccountRow('us-east-1'), account: other };
    form.rules[0]!.accounts.push(twin);
    expect(problemsOf(form, registry, served)).toEqual(
      new Map([[fieldOf(twin.key, 'account'), 'duplicateDestination']]),
    );
    twin.region = 'ap-northeast-1';
    expect(only(form)).toEqual([]);
  });

  it('may be those of another rule', () => {
    const form = formWith(other);
    form.rules.push({ ...form.rules[0]!, key: 'second' });
    expect(only(form)).toEqual([]);
    expect(destinationCount(form, registry)).toBe(1);
  });

  it('have a Region that is served', () => {
    expect(only(formWith(other, ''))).toEqual(['regionNeeded']);
    expect(only(formWith(other, 'mars-1'))).toEqual(['regionNotServed']);
    const form = formOf([{ destinations: [{ registryId: registry.account, region: 'mars-1' }] }], registry);
    expect(only(form)).toEqual(['regionNotServed']);
  });

  it('are needed, of a kind that is switched on', () => {
    const form = formWith(other);
    expect(only({ ...form, crossAccount: false, crossRegion: true })).toEqual(['noDestination']);
    expect(only({ ...form, crossAccount: false })).toEqual([]);
  });

  it('are 25 at most, in all rules together', () => {
    const form: ReplicationForm = { crossRegion: false, crossAccount: true, rules: [] };
    for (let i = 0; i < 25; i++) {
      form.rules.push({
        ...newRule(registry, false),
        accounts: [{ ...newAccountRow('us-east-1'), account: String(200000000000 + i) }],
      });
    }
    expect(only(form)).toEqual([]);
    form.rules[24]!.accounts.push({ ...newAccountRow('us-east-1'), account: other });
    expect(only(form)).toEqual(['tooManyDestinations']);
    form.rules.push(formWith(other).rules[0]!);
    expect(only(form)).toEqual(['tooManyRules']);
  });
});

describe('repository filters', () => {
  it('are prefixes as ECR takes them', () => {
    for (const filter of ['app', 'app/', 'team-a/web', 'a.b_c-', 'team/a.', 'a'.repeat(256)]) {
      expect(filterProblem(filter), filter).toBeUndefined();
    }
    expect(filterProblem('')).toBe('filterNeeded');
    expect(filterProblem('a')).toBe('filterShort');
    expect(filterProblem('a'.repeat(257))).toBe('filterLong');
    for (const filter of ['App', 'app*', '/app', 'app//', 'app web', 'アプリ']) {
      expect(filterProblem(filter), filter).toBe('filterPattern');
    }
  });

  it('are never empty where some are wanted: that would replicate everything', () => {
    const form = formWith(other);
    form.rules[0]!.filtered = true;
    expect(only(form)).toEqual(['filterNeeded']);
    form.rules[0]!.filters = [newFilterRow()];
    expect(only(form)).toEqual(['filterNeeded']);
  });

  it('are there once, and 100 at most', () => {
    const form = formWith(other);
    const rule = form.rules[0]!;
    rule.filtered = true;
    rule.filters = ['app', 'app'].map((filter) => ({ ...newFilterRow(), filter }));
    expect(only(form)).toEqual(['duplicateFilter']);
    rule.filters = Array.from({ length: 101 }, (_, i) => ({ ...newFilterRow(), filter: `app${i}` }));
    expect(only(form)).toEqual(['tooManyFilters']);
  });

  it('is checked quickly however it is made', () => {
    const began = performance.now();
    filterProblem('a-'.repeat(127) + 'A');
    filterProblem('a/'.repeat(127) + '*');
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('changes', () => {
  it('show what each rule was before', () => {
    const beginning = formOf(rules, registry);
    const [first, second] = beginning.rules;
    expect(changesOf(rules, beginning, beginning, registry)).toMatchObject({
      rules: [{ change: 'none' }, { change: 'none' }],
      removed: [],
    });
    const form = {
      ...beginning,
      rules: [
        { ...second!, filtered: true, filters: [{ ...newFilterRow(), filter: 'web' }] },
        formWith(other).rules[0]!,
      ],
    };
    const { rules: after, removed } = changesOf(rules, beginning, form, registry);
    expect(after.map((r) => [r.change, r.before])).toEqual([
      ['changed', rules[1]],
      ['new', undefined],
    ]);
    expect(removed).toEqual([rules[0]]);
    expect(first!.key).not.toBe(second!.key);
  });

  it('remove all rules when both kinds are switched off', () => {
    const beginning = formOf(rules, registry);
    expect(changesOf(rules, beginning, { ...beginning, crossRegion: false, crossAccount: false }, registry)).toEqual({
      rules: [],
      removed: rules,
    });
  });

  it('are there where deletions are replicated or not, and what is not known here differs', () => {
    const deleting = { ...rules[1]!, deleteReplication: { enabled: true } };
    const not = { ...rules[1]!, deleteReplication: { enabled: false } };
    expect(sameRules([deleting], [rules[1]!])).toBe(false);
    expect(sameRules([deleting], [not])).toBe(false);
    expect(sameRules([not], [rules[1]!])).toBe(true);
    expect(sameRules([{ ...rules[1]!, ...{ toCome: 1 } }], [rules[1]!])).toBe(false);
    expect(
      sameRules([{ ...rules[1]!, ...{ toCome: 1, other: 2 } }], [{ ...rules[1]!, ...{ other: 2, toCome: 1 } }]),
    ).toBe(true);
  });

  it('are none where only the order differs', () => {
    expect(sameRules(rules, rules.toReversed())).toBe(true);
    expect(sameRules([rules[1]!], [rules[1]!, rules[1]!])).toBe(false);
  });
});

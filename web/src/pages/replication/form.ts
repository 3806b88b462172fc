// What the form holds while replication is edited, what is wrong with it, and
// the rules that it stands for.

import type { Registry } from '../../api/client';
import {
  limitsReplicationRuleList,
  limitsRepositoryFilterList,
  limitsRepositoryFilterValue as limitsFilter,
  type ReplicationDestination,
  type ReplicationRule,
} from '../../api/ecr';
import type { Messages } from '../../i18n';

export const maxRules = limitsReplicationRuleList.max;
/** Different destinations of all rules together: ECR documents this limit in its guide only. */
export const maxDestinations = 25;
/** Repository filters of one rule. */
export const maxFilters = limitsRepositoryFilterList.max;

/** A row of which nothing is known but that it is there; keys are unique in a form. */
export interface AccountRow {
  key: string;
  account: string;
  region: string;
}

export interface FilterRow {
  key: string;
  filter: string;
}

export interface RuleForm {
  key: string;
  /** Other Regions of the registry's own account. */
  regions: string[];
  /** Other accounts. */
  accounts: AccountRow[];
  /** Whether only the repositories that begin with one of the filters are replicated. */
  filtered: boolean;
  filters: FilterRow[];
  /** Whether deletions are replicated, too. */
  deletions: boolean;
  /** What else the server says of the rule, whether it is known here or not: it is saved as it was. */
  others: Omit<ReplicationRule, 'destinations' | 'repositoryFilters'>;
}

/** What is switched off stays in the form, so that switching it on again brings it back, but in no rule. */
export interface ReplicationForm {
  crossRegion: boolean;
  crossAccount: boolean;
  rules: RuleForm[];
}

let keys = 0;

export function newKey(): string {
  return `row${++keys}`;
}

export function newAccountRow(region: string): AccountRow {
  return { key: newKey(), account: '', region };
}

export function newFilterRow(): FilterRow {
  return { key: newKey(), filter: '' };
}

/** An empty rule; one row waits to be filled in, for the kind of destinations that is switched on. */
export function newRule(registry: Registry, crossAccount: boolean): RuleForm {
  return {
    key: newKey(),
    regions: [],
    accounts: crossAccount ? [newAccountRow(registry.region)] : [],
    filtered: false,
    filters: [],
    deletions: false,
    others: {},
  };
}

/** The form that stands for the rules; rules keep their order. */
export function formOf(rules: readonly ReplicationRule[], registry: Registry): ReplicationForm {
  const own = (d: ReplicationDestination) => d.registryId === registry.account;
  const destinations = rules.flatMap((r) => r.destinations);
  return {
    crossRegion: destinations.some(own),
    crossAccount: destinations.some((d) => !own(d)),
    rules: rules.map(({ destinations, repositoryFilters = [], ...others }) => ({
      key: newKey(),
      regions: destinations.filter(own).map((d) => d.region),
      accounts: destinations
        .filter((d) => !own(d))
        .map((d) => ({ key: newKey(), account: d.registryId, region: d.region })),
      filtered: repositoryFilters.length > 0,
      filters: repositoryFilters.map((f) => ({ key: newKey(), filter: f.filter })),
      deletions: others.deleteReplication?.enabled ?? false,
      others,
    })),
  };
}

/** The destinations of a rule as the switches are. */
export function destinationsOf(form: ReplicationForm, rule: RuleForm, registry: Registry): ReplicationDestination[] {
  return [
    ...(form.crossRegion ? rule.regions.map((region) => ({ registryId: registry.account, region })) : []),
    ...(form.crossAccount ? rule.accounts.map((row) => ({ registryId: row.account, region: row.region })) : []),
  ];
}

/** The rules that a form without problems stands for. */
export function rulesOf(form: ReplicationForm, registry: Registry): ReplicationRule[] {
  if (!form.crossRegion && !form.crossAccount) {
    return [];
  }
  return form.rules.map((rule) => ({
    ...rule.others,
    destinations: destinationsOf(form, rule, registry),
    ...(rule.filtered
      ? { repositoryFilters: rule.filters.map((row) => ({ filter: row.filter, filterType: 'PREFIX_MATCH' as const })) }
      : {}),
    ...(rule.deletions || rule.others.deleteReplication
      ? { deleteReplication: { ...rule.others.deleteReplication, enabled: rule.deletions } }
      : {}),
  }));
}

/** An account ID as people write and paste it: in groups, with spaces, in full-width digits. */
export function accountDigits(typed: string): string {
  return typed.normalize('NFKC').replace(/[\s‐-―-]/g, '');
}

/** What may be wrong with a field, or with the form as a whole; the messages have a text for each. */
export type Problem = keyof Messages['replication']['problems'];

/** Those that are certain while one still types; the others wait until the field is left. */
const immediate: ReadonlySet<Problem> = new Set<Problem>([
  'accountCharacters',
  'accountLong',
  'ownAccount',
  'duplicateDestination',
  'regionNotServed',
  'filterLong',
  'filterPattern',
  'duplicateFilter',
  'tooManyFilters',
  'tooManyDestinations',
  'tooManyRules',
]);

export function showsAtOnce(problem: Problem): boolean {
  return immediate.has(problem);
}

/** Problems by field: a row's key and the field's name, a rule's key and its list's name, or "form". */
export type Problems = ReadonlyMap<string, Problem>;

export type Field = 'account' | 'region' | 'filter' | 'destinations' | 'regions' | 'filters';

export function fieldOf(key: string, field: Field): string {
  return `${key}.${field}`;
}

export function accountProblem(account: string, own: string): Problem | undefined {
  if (account === '') {
    return 'accountNeeded';
  }
  if (!/^[0-9]*$/.test(account)) {
    return 'accountCharacters';
  }
  if (account.length !== 12) {
    return account.length > 12 ? 'accountLong' : 'accountShort';
  }
  return account === own ? 'ownAccount' : undefined;
}

export function filterProblem(filter: string): Problem | undefined {
  if (filter === '') {
    return 'filterNeeded';
  }
  if (filter.length > limitsFilter.max) {
    return 'filterLong';
  }
  if (!limitsFilter.pattern.test(filter)) {
    return 'filterPattern';
  }
  return filter.length < limitsFilter.min ? 'filterShort' : undefined;
}

/** All that keeps the form from being saved. */
export function problemsOf(form: ReplicationForm, registry: Registry, served: readonly string[]): Problems {
  const problems = new Map<string, Problem>();
  if (!form.crossRegion && !form.crossAccount) {
    return problems; // no rule will be
  }
  const all = new Set<string>();
  for (const rule of form.rules) {
    const here = new Set<string>();
    if (form.crossRegion) {
      for (const region of rule.regions) {
        if (!served.includes(region)) {
          problems.set(fieldOf(rule.key, 'regions'), 'regionNotServed');
        }
        here.add(`${registry.account}/${region}`);
      }
    }
    if (form.crossAccount) {
      for (const row of rule.accounts) {
        const account = accountProblem(row.account, registry.account);
        const destination = `${row.account}/${row.region}`;
        if (account) {
          problems.set(fieldOf(row.key, 'account'), account);
        } else if (row.region !== '' && here.has(destination)) {
          problems.set(fieldOf(row.key, 'account'), 'duplicateDestination');
        } else {
          here.add(destination);
        }
        if (row.region === '') {
          problems.set(fieldOf(row.key, 'region'), 'regionNeeded');
        } else if (!served.includes(row.region)) {
          problems.set(fieldOf(row.key, 'region'), 'regionNotServed');
        }
      }
    }
    if (destinationsOf(form, rule, registry).length === 0) {
      problems.set(fieldOf(rule.key, 'destinations'), 'noDestination');
    }
    here.forEach((destination) => all.add(destination));
    if (rule.filtered) {
      filterProblems(rule, problems);
    }
  }
  if (form.rules.length > maxRules) {
    problems.set('form', 'tooManyRules');
  } else if (all.size > maxDestinations) {
    problems.set('form', 'tooManyDestinations');
  }
  return problems;
}

function filterProblems(rule: RuleForm, problems: Map<string, Problem>) {
  const seen = new Set<string>();
  for (const row of rule.filters) {
    const problem = filterProblem(row.filter) ?? (seen.has(row.filter) ? 'duplicateFilter' : undefined);
    if (problem) {
      problems.set(fieldOf(row.key, 'filter'), problem);
    }
    seen.add(row.filter);
  }
  if (rule.filters.length === 0) {
    problems.set(fieldOf(rule.key, 'filters'), 'filterNeeded'); // else it would replicate everything
  } else if (rule.filters.length > maxFilters) {
    problems.set(fieldOf(rule.key, 'filters'), 'tooManyFilters');
  }
}

/** How many different destinations the form names, whole or not. */
export function destinationCount(form: ReplicationForm, registry: Registry): number {
  return new Set(
    form.rules.flatMap((rule) => destinationsOf(form, rule, registry).map((d) => `${d.registryId}/${d.region}`)),
  ).size;
}

/** A rule in a form of its own, to compare: the order of destinations and filters says nothing, and none is no. */
function canonical({ destinations, repositoryFilters = [], deleteReplication, ...others }: ReplicationRule): string {
  return JSON.stringify([
    destinations.map((d) => `${d.registryId}/${d.region}`).sort(),
    repositoryFilters.map((f) => f.filter).sort(),
    { enabled: false, ...deleteReplication },
    Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

export function sameRule(a: ReplicationRule, b: ReplicationRule): boolean {
  return canonical(a) === canonical(b);
}

/** Whether two configurations do the same: the order of rules says nothing, either. */
export function sameRules(a: readonly ReplicationRule[], b: readonly ReplicationRule[]): boolean {
  const sorted = (rules: readonly ReplicationRule[]) => rules.map(canonical).sort();
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** What saving does to the rules. */
export interface Changes {
  /** The rules to come: unchanged, changed from what they were before, or new. */
  rules: { rule: ReplicationRule; change: 'none' | 'changed' | 'new'; before?: ReplicationRule }[];
  removed: ReplicationRule[];
}

/** Compares the form with the rules that its beginning stands for, in their order. */
export function changesOf(
  base: readonly ReplicationRule[],
  beginning: ReplicationForm,
  form: ReplicationForm,
  registry: Registry,
): Changes {
  const before = new Map(base.map((rule, index) => [beginning.rules[index]?.key, rule]));
  const after = rulesOf(form, registry);
  const rules = after.map((rule, index): Changes['rules'][number] => {
    const key = form.rules[index]!.key;
    const was = before.get(key);
    before.delete(key);
    if (!was) {
      return { rule, change: 'new' };
    }
    return sameRule(rule, was) ? { rule, change: 'none' } : { rule, change: 'changed', before: was };
  });
  return { rules, removed: [...before.values()] };
}

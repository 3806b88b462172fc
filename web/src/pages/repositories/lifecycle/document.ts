// The text of a lifecycle policy, and its rules as the form shows them. The text is what is edited: the form reads a
// rule's fields from it and writes those that change, so whatever it does not show stays as it is.

import { isObject, policyText } from '../../../parts/policy/document';
import { findJSONProblem } from '../../../parts/policy/json';

/** A rule, or a part of one, as it stands in the text. */
export type Rule = Record<string, unknown>;

export type TagStatus = 'tagged' | 'untagged' | 'any';
export type TagList = 'tagPatternList' | 'tagPrefixList';
export type CountType = 'imageCountMoreThan' | 'sinceImagePushed' | 'sinceImagePulled' | 'sinceImageTransitioned';
export type Action = 'expire' | 'transition';

export const tagStatuses: readonly TagStatus[] = ['tagged', 'untagged', 'any'];
export const tagLists: readonly TagList[] = ['tagPatternList', 'tagPrefixList'];
export const countTypes: readonly CountType[] = [
  'imageCountMoreThan',
  'sinceImagePushed',
  'sinceImagePulled',
  'sinceImageTransitioned',
];
export const actions: readonly Action[] = ['expire', 'transition'];

/** The most rules that a policy may have. */
export const maxRules = 50;

/** What the form shows of a rule; undefined where the text says nothing, or something that the form cannot show. */
export interface Fields {
  priority: number | undefined;
  description: string | undefined;
  tagStatus: TagStatus | undefined;
  /** Which of the two lists a tagged selection has. */
  list: TagList;
  tags: readonly string[];
  countType: CountType | undefined;
  countNumber: number | undefined;
  action: Action | undefined;
  /** Twinport's own: the rule is about images without a signature only. */
  unsigned: boolean;
  /** Twinport's own: images are kept for so many days after their last tag, and after their last pull. */
  sinceTagged: number | undefined;
  sincePulled: number | undefined;
}

/** A member of a rule: what it says by the fields, and which of them it follows. */
interface Member {
  /** The object that it is in; missing where that is the rule itself. */
  in?: string;
  name: string;
  follows: (keyof Fields)[];
  value: (fields: Fields) => unknown;
}

const listed = (list: TagList): Member => ({
  in: 'selection',
  name: list,
  follows: ['tagStatus', 'list', 'tags'],
  value: (f) => (f.tagStatus === 'tagged' && f.list === list ? f.tags : undefined),
});

/** In the order of ECR's template, in which the server returns them. */
const members: Member[] = [
  { name: 'rulePriority', follows: ['priority'], value: (f) => f.priority },
  { name: 'description', follows: ['description'], value: (f) => f.description },
  { in: 'selection', name: 'tagStatus', follows: ['tagStatus'], value: (f) => f.tagStatus },
  ...tagLists.map(listed),
  {
    in: 'selection',
    name: 'storageClass',
    follows: ['countType'],
    value: (f) => (f.countType === 'sinceImageTransitioned' ? 'archive' : undefined),
  },
  { in: 'selection', name: 'countType', follows: ['countType'], value: (f) => f.countType },
  {
    in: 'selection',
    name: 'countUnit',
    follows: ['countType'],
    value: (f) => (countsDays(f.countType) ? 'days' : undefined),
  },
  { in: 'selection', name: 'countNumber', follows: ['countNumber'], value: (f) => f.countNumber },
  { in: 'action', name: 'type', follows: ['action'], value: (f) => f.action },
  {
    in: 'action',
    name: 'targetStorageClass',
    follows: ['action'],
    value: (f) => (f.action === 'transition' ? 'archive' : undefined),
  },
  { in: 'twinport', name: 'unsigned', follows: ['unsigned'], value: (f) => f.unsigned || undefined },
  { in: 'twinport', name: 'sinceTagged', follows: ['sinceTagged'], value: (f) => f.sinceTagged },
  { in: 'twinport', name: 'sincePulled', follows: ['sincePulled'], value: (f) => f.sincePulled },
];

const parts = ['selection', 'action', 'twinport'];
const inOrder = ['rulePriority', 'description', ...parts];

export function countsDays(countType: CountType | undefined): boolean {
  return countType !== undefined && countType !== 'imageCountMoreThan';
}

/**
 * The rules of a text, in its order: none if it is empty, undefined if the form cannot show it, since it is no object
 * with a list of rules.
 */
export function rulesOf(text: string): Rule[] | undefined {
  const policy = documentOf(text);
  if (!policy) {
    return undefined;
  }
  const { rules = [] } = policy;
  return Array.isArray(rules) && rules.every(isObject) ? rules : undefined;
}

function documentOf(text: string): Rule | undefined {
  if (text.trim() === '') {
    return {};
  }
  if (findJSONProblem(text)) {
    return undefined; // of a member that stands twice, one would be lost
  }
  const policy: unknown = JSON.parse(text);
  return isObject(policy) ? policy : undefined;
}

/** The text with other rules; a policy that would have none, and nothing else, is none. */
export function withRules(text: string, rules: readonly Rule[]): string {
  const others = Object.entries(documentOf(text) ?? {}).filter(([name]) => name !== 'rules');
  return rules.length + others.length === 0 ? '' : policyText({ rules, ...Object.fromEntries(others) });
}

/** What else than rules a text says, by the names of its members. */
export function besideRules(text: string): string[] {
  return Object.keys(documentOf(text) ?? {}).filter((name) => name !== 'rules');
}

function partOf(rule: Rule, name: string | undefined): Rule {
  const part = name === undefined ? rule : rule[name];
  return isObject(part) ? part : {};
}

export function fieldsOf(rule: Rule): Fields {
  const selection = partOf(rule, 'selection');
  const twinport = partOf(rule, 'twinport');
  const list = selection.tagPatternList === undefined && selection.tagPrefixList !== undefined ? 1 : 0;
  const tags = selection[tagLists[list]!];
  return {
    priority: numberOf(rule.rulePriority),
    description: typeof rule.description === 'string' ? rule.description : undefined,
    tagStatus: oneOf(tagStatuses, selection.tagStatus),
    list: tagLists[list]!,
    tags: Array.isArray(tags) && tags.every((tag) => typeof tag === 'string') ? tags : [],
    countType: oneOf(countTypes, selection.countType),
    countNumber: numberOf(selection.countNumber),
    action: oneOf(actions, partOf(rule, 'action').type),
    unsigned: twinport.unsigned === true,
    sinceTagged: numberOf(twinport.sinceTagged),
    sincePulled: numberOf(twinport.sincePulled),
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function oneOf<T extends string>(all: readonly T[], value: unknown): T | undefined {
  return all.find((one) => one === value);
}

/** The members of a rule that its fields do not say, such as selection.storageClass. */
export function hiddenOf(rule: Rule): string[] {
  const fields = fieldsOf(rule);
  const says = (part: string | undefined, name: string, value: unknown) => {
    const member = members.find((m) => m.in === part && m.name === name);
    return member !== undefined && JSON.stringify(member.value(fields)) === JSON.stringify(value);
  };
  return Object.entries(rule).flatMap(([name, value]) => {
    if (!parts.includes(name)) {
      return says(undefined, name, value) ? [] : [name];
    }
    if (!isObject(value)) {
      return [name];
    }
    return Object.keys(value).flatMap((inner) => (says(name, inner, value[inner]) ? [] : [`${name}.${inner}`]));
  });
}

/** The rule with fields changed. What they do not touch stays, shown or not. */
export function withFields(rule: Rule, changes: Partial<Fields>): Rule {
  const fields = { ...fieldsOf(rule), ...changes };
  const result = { ...rule };
  for (const member of members.filter((m) => m.follows.some((field) => field in changes))) {
    const value = member.value(fields);
    const part = { ...partOf(result, member.in) };
    if (value === undefined) {
      delete part[member.name];
    } else {
      part[member.name] = value;
    }
    if (member.in === undefined) {
      delete result[member.name];
      Object.assign(result, part);
    } else if (Object.keys(part).length > 0) {
      const order = members.filter((m) => m.in === member.in).map((m) => m.name);
      result[member.in] = ordered(part, order);
    } else {
      delete result[member.in];
    }
  }
  return ordered(result, inOrder);
}

/** The members that are named first, in that order. */
function ordered(object: Rule, names: readonly string[]): Rule {
  const first = names.filter((name) => name in object).map((name) => [name, object[name]] as const);
  const others = Object.entries(object).filter(([name]) => !names.includes(name));
  return Object.fromEntries([...first, ...others]);
}

/** A choice of how images are counted takes the only action with it that the server lets go with it. */
export function countedBy(countType: CountType): Partial<Fields> {
  switch (countType) {
    case 'sinceImagePulled':
      return { countType, action: 'transition' };
    case 'sinceImageTransitioned':
      return { countType, action: 'expire' };
    default:
      return { countType };
  }
}

/** The rule from its fields: what is left out is as in a new one. */
export function newRule(fields: Partial<Fields> = {}): Rule {
  const begin: Partial<Fields> = {
    tagStatus: 'untagged',
    list: 'tagPatternList',
    tags: [],
    countType: 'sinceImagePushed',
    countNumber: 14,
    action: 'expire',
  };
  return withFields({}, { ...begin, ...fields });
}

/** Rules that were put in another order get their priorities by that, of those that they had. */
function prioritised(rules: readonly Rule[]): Rule[] {
  const had = rules.map((rule) => fieldsOf(rule).priority);
  const whole = had.filter((priority): priority is number => Number.isSafeInteger(priority) && priority! > 0);
  const free = [...new Set(whole)].sort((a, b) => a - b);
  while (free.length < rules.length) {
    free.push((free.at(-1) ?? 0) + 1);
  }
  return rules.map((rule, index) => withFields(rule, { priority: free[index] }));
}

/** The place of a new rule: before those about any image, which the server wants behind all others. */
export function placeOfNew(rules: readonly Rule[]): number {
  return rules.findLastIndex((rule) => fieldsOf(rule).tagStatus !== 'any') + 1;
}

export function addRule(rules: readonly Rule[], rule: Rule): Rule[] {
  return prioritised(rules.toSpliced(placeOfNew(rules), 0, rule));
}

/** Moves a rule so that it acts before or after another. */
export function moveRule(rules: readonly Rule[], from: number, to: number): Rule[] {
  return prioritised(rules.toSpliced(from, 1).toSpliced(to, 0, rules[from]!));
}

/** The order in which the rules act, as indices of the text's: those without a priority stand last. */
export function actingOrder(rules: readonly Rule[]): number[] {
  const priority = (index: number) => fieldsOf(rules[index]!).priority ?? Infinity;
  return rules
    .map((_, index) => index)
    .sort((a, b) => (priority(a) < priority(b) ? -1 : Number(priority(a) > priority(b))));
}

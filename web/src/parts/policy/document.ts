// Policies as the console reads and writes them: the server alone decides what they mean.

/** A statement as it stands in a policy's text; a list of one may be written without brackets. */
export interface Statement {
  Sid?: string;
  Effect: 'Allow' | 'Deny';
  Principal?: '*' | Record<string, string | string[]>;
  Action?: string | string[];
  Resource?: string | string[];
  [member: string]: unknown;
}

interface Policy {
  Version?: string;
  Statement: Statement[];
  [member: string]: unknown;
}

export const currentVersion = '2012-10-17';

/** The text of a policy of these statements. */
export function policyText(policy: object): string {
  return JSON.stringify(policy, null, 2);
}

/** JSON in the form that the console writes; the text must be JSON without a member that stands twice. */
export function formatted(text: string): string {
  return policyText(JSON.parse(text) as object);
}

/** Reads a text that says to be a policy; undefined if it is none. An empty text has no statements. */
export function readPolicy(text: string): Policy | undefined {
  if (text.trim() === '') {
    return { Version: currentVersion, Statement: [] };
  }
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(policy)) {
    return undefined;
  }
  const statements = policy.Statement === undefined ? [] : listOf(policy.Statement);
  return statements.every(isObject) ? { ...policy, Statement: statements as unknown as Statement[] } : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What may be written as one or as a list of several. */
export function listOf<T>(value: T | T[] | undefined): T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** The text is no policy, so that nothing can be added to it. */
export class NotAPolicyError extends Error {}

/**
 * Adds a statement to the text of a policy, or begins one if the text is empty. No statement that is there is lost or
 * changed. A Sid that is taken gets a number. What the policy says already, under whatever Sid, is not said twice:
 * added is false.
 */
export function addStatement(
  text: string,
  statement: Statement,
): { text: string; sid: string | undefined; added: boolean } {
  const policy = readPolicy(text);
  if (!policy) {
    throw new NotAPolicyError('the text is not a policy');
  }
  const same = policy.Statement.find((s) => canonical({ ...s, Sid: '' }) === canonical({ ...statement, Sid: '' }));
  if (same) {
    return { text, sid: same.Sid, added: false };
  }
  const sid = statement.Sid === undefined ? undefined : freeSid(statement.Sid, policy.Statement);
  const version = policy.Version === undefined && policy.Statement.length === 0 ? { Version: currentVersion } : {};
  const added = sid === undefined ? statement : { ...statement, Sid: sid };
  return { text: policyText({ ...version, ...policy, Statement: [...policy.Statement, added] }), sid, added: true };
}

/** The Sid itself, or with the first number that no statement has. */
export function freeSid(sid: string, statements: Statement[]): string {
  const taken = new Set(statements.map((s) => s.Sid));
  let free = sid;
  for (let n = 2; taken.has(free); n++) {
    free = `${sid}${n}`;
  }
  return free;
}

/** The same for whatever means the same but for its order and brackets. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    const items = value.map(canonical).sort();
    return items.length === 1 ? items[0]! : `[${items.join()}]`;
  }
  if (isObject(value)) {
    return `{${Object.keys(value)
      .sort()
      .map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`)
      .join()}}`;
  }
  return JSON.stringify(value);
}

/** Whom a statement speaks of: accounts by their twelve digits, others as they are written. */
export function principalsOf(statement: Statement): string[] {
  const principal = statement.Principal;
  if (principal === undefined) {
    return [];
  }
  if (typeof principal === 'string') {
    return [principal];
  }
  return Object.values(principal)
    .flatMap((p) => listOf(p))
    .map((p) => String(p).match(/^arn:[^:]*:iam::(\d{12}):root$/)?.[1] ?? String(p));
}

/**
 * Whether a statement's Action covers an action: case does not matter, * and ? stand for any characters and any one.
 */
export function coversAction(statement: Statement, action: string): boolean {
  return listOf(statement.Action).some((pattern) => {
    const expression = String(pattern)
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${expression}$`, 'i').test(action);
  });
}

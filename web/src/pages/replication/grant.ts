// What a destination must allow, and adding it there.

import { APIError, ecr, type Registry } from '../../api/client';

interface Statement {
  Sid?: string;
  [element: string]: unknown;
}

interface Policy {
  Statement: Statement | Statement[];
  [element: string]: unknown;
}

const indent = 2;

/**
 * Adds a statement to the text of a policy, which may be empty. Nothing of the
 * policy is lost; a statement that is there already is not added again, and one
 * whose Sid is taken gets a free one. Throws if the text is no policy.
 */
export function withStatement(policyText: string, statement: string): string {
  const added = JSON.parse(statement) as Statement;
  if (policyText.trim() === '') {
    return JSON.stringify({ Version: '2012-10-17', Statement: [added] }, null, indent);
  }
  const policy = JSON.parse(policyText) as Policy;
  const statements = Array.isArray(policy.Statement) ? policy.Statement : [policy.Statement];
  if (statements.some((s) => meaning(s) === meaning(added))) {
    return policyText;
  }
  const taken = new Set(statements.map((s) => s.Sid));
  const sid = added.Sid ?? 'Replication';
  for (let n = 2; added.Sid === undefined || taken.has(added.Sid); n++) {
    added.Sid = taken.has(sid) ? `${sid}-${n}` : sid;
  }
  return JSON.stringify({ ...policy, Statement: [...statements, added] }, null, indent);
}

/** A statement without its name, members in order: equal for statements that say the same in the same words. */
function meaning(statement: Statement): string {
  return JSON.stringify(sorted({ ...statement, Sid: undefined }));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, v]) => [name, sorted(v)]),
    );
  }
  return value;
}

/** Adds a statement to a registry's policy: the viewer must be signed in to its account. */
export async function addStatement(registry: Registry, statement: string): Promise<void> {
  const before = await policyOf(registry);
  const after = withStatement(before, statement);
  if (after !== before) {
    await ecr(registry, 'PutRegistryPolicy', { policyText: after });
  }
}

/** The text of a registry's policy; empty if it has none. */
async function policyOf(registry: Registry): Promise<string> {
  try {
    return (await ecr(registry, 'GetRegistryPolicy', {})).policyText;
  } catch (error) {
    if (error instanceof APIError && error.code === 'RegistryPolicyNotFoundException') {
      return '';
    }
    throw error;
  }
}

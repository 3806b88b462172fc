// Allowing, at a destination, what it lacks.

import { ecr, type Registry } from '../../api/client';
import { addStatement, type Statement } from '../policy/document';
import { readRegistryPolicy } from '../policy/registryPolicy';

/**
 * Adds a statement (JSON) to a registry's policy, unless it says that already; the viewer must be signed in to its
 * account.
 */
export async function allowReplication(registry: Registry, statement: string): Promise<void> {
  const { text, added } = addStatement(await readRegistryPolicy(registry), JSON.parse(statement) as Statement);
  if (added) {
    await ecr(registry, 'PutRegistryPolicy', { policyText: text });
  }
}

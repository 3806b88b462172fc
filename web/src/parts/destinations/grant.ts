// Allowing, at a destination, what it lacks.

import { replace, type Registry } from '../../api/client';
import { addStatement, type Statement } from '../policy/document';
import { readRegistryPolicy } from '../policy/registryPolicy';
import { onWhatIsThere } from '../saving/onWhatIsThere';

/**
 * Adds a statement (JSON) to a registry's policy, unless it says that already; the viewer must be signed in to its
 * account.
 */
export function allowReplication(registry: Registry, statement: string): Promise<void> {
  return onWhatIsThere(async () => {
    const { value, revision } = await readRegistryPolicy(registry);
    const { text, added } = addStatement(value, JSON.parse(statement) as Statement);
    if (added) {
      await replace(registry, revision, 'PutRegistryPolicy', { policyText: text });
    }
  });
}

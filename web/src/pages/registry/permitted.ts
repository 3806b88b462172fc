// Who may do what in a registry, as its policy says: one line per statement.

import { coversAction, listOf, principalsOf, readPolicy, type Statement } from '../../parts/policy/document';

export interface Permitted {
  sid: string | undefined;
  effect: Statement['Effect'];
  /** Accounts by their twelve digits, others as they are written. */
  principals: string[];
  /** What it means for replication: images into repositories that exist, and new repositories for them. */
  replicates: boolean;
  creates: boolean;
  /** Whether there is more in it than replication, or a Condition that narrows it. */
  more: boolean;
  resources: string[];
}

const ofReplication = /^ecr:(ReplicateImage|CreateRepository)$/i;

/** The statements of a policy's text, none if it cannot be read. */
export function permittedBy(text: string): Permitted[] {
  return (readPolicy(text)?.Statement ?? []).map((s) => ({
    sid: s.Sid,
    effect: s.Effect,
    principals: principalsOf(s),
    replicates: coversAction(s, 'ecr:ReplicateImage'),
    creates: coversAction(s, 'ecr:CreateRepository'),
    more:
      s.Condition !== undefined ||
      s.NotAction !== undefined ||
      s.NotPrincipal !== undefined ||
      listOf(s.Action).some((a) => !ofReplication.test(a)),
    resources: listOf(s.Resource).map(
      (r) => String(r).match(/^arn:[^:]*:ecr:[^:]*:[^:]*:repository\/(.+)$/)?.[1] ?? String(r),
    ),
  }));
}

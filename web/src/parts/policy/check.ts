// Checks a policy's text while it is typed: its JSON here and at once, the policy by the server.

import { limitsLifecyclePolicyText } from '../../api/ecr';
import type { PolicyProblem, PolicyType } from '../../api/twinport';
import { useTwinport } from '../../app/registry';
import { useSettled } from '../../app/settled';
import { useMessages, type Messages } from '../../i18n';
import { findJSONProblem, positionOf } from './json';

/** The most characters that a policy of each type may have. */
export const maxLength: Record<PolicyType, number> = {
  REGISTRY: 10_240,
  REPOSITORY: 10_240,
  LIFECYCLE: limitsLifecyclePolicyText.max,
};

export interface PolicyCheck {
  policyType: PolicyType;
  /** empty: there is no policy; unknown: the server could not be asked. */
  state: 'empty' | 'checking' | 'checked' | 'unknown';
  /** None once checked: the server will accept it. */
  problems: PolicyProblem[];
}

/** What the browser itself finds wrong with the text. */
export function localProblems(text: string, most: number, m: Messages['policy']): PolicyProblem[] {
  const length = [...text].length;
  if (length > most) {
    return [{ line: 1, column: 1, path: '', message: m.tooLong(length, most) }];
  }
  const problem = findJSONProblem(text);
  return problem ? [{ ...positionOf(text, problem.offset), path: '', message: m.json[problem.kind] }] : [];
}

export function usePolicyCheck(text: string, policyType: PolicyType): PolicyCheck {
  const m = useMessages().policy;
  const settled = useSettled(text);
  const empty = text.trim() === '';
  const local = empty ? [] : localProblems(text, maxLength[policyType], m);
  const ask = !empty && local.length === 0 && settled === text;
  const answer = useTwinport('ValidatePolicy', { policyText: settled, policyType }, { enabled: ask });
  if (empty) {
    return { policyType, state: 'empty', problems: [] };
  }
  if (local.length > 0) {
    return { policyType, state: 'checked', problems: local };
  }
  if (!ask || (answer.isPending && answer.failureCount === 0)) {
    return { policyType, state: 'checking', problems: [] };
  }
  return answer.data
    ? { policyType, state: 'checked', problems: answer.data.problems }
    : { policyType, state: 'unknown', problems: [] };
}

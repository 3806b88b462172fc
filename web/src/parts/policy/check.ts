// Checks a policy's text while it is typed: its JSON here and at once, the policy by the server.

import type { PolicyProblem } from '../../api/twinport';
import { useTwinport } from '../../app/registry';
import { useSettled } from '../../app/settled';
import { useMessages, type Messages } from '../../i18n';
import { maxPolicyLength } from './document';
import { findJSONProblem, positionOf } from './json';

export type PolicyType = 'REGISTRY' | 'REPOSITORY';

export interface PolicyCheck {
  /** empty: there is no policy; unknown: the server could not be asked. */
  state: 'empty' | 'checking' | 'checked' | 'unknown';
  /** None once checked: the server will accept it. */
  problems: PolicyProblem[];
}

/** What the browser itself finds wrong with the text. */
export function localProblems(text: string, m: Messages['policy']): PolicyProblem[] {
  const length = [...text].length;
  if (length > maxPolicyLength) {
    return [{ line: 1, column: 1, path: '', message: m.tooLong(length, maxPolicyLength) }];
  }
  const problem = findJSONProblem(text);
  return problem ? [{ ...positionOf(text, problem.offset), path: '', message: m.json[problem.kind] }] : [];
}

export function usePolicyCheck(text: string, policyType: PolicyType): PolicyCheck {
  const m = useMessages().policy;
  const settled = useSettled(text);
  const empty = text.trim() === '';
  const local = empty ? [] : localProblems(text, m);
  const ask = !empty && local.length === 0 && settled === text;
  const answer = useTwinport('ValidatePolicy', { policyText: settled, policyType }, { enabled: ask });
  if (empty) {
    return { state: 'empty', problems: [] };
  }
  if (local.length > 0) {
    return { state: 'checked', problems: local };
  }
  if (!ask || (answer.isPending && answer.failureCount === 0)) {
    return { state: 'checking', problems: [] };
  }
  return answer.data ? { state: 'checked', problems: answer.data.problems } : { state: 'unknown', problems: [] };
}

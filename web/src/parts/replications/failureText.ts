import type { Replication } from '../../api/twinport';
import type { Messages } from '../../i18n';

/** In a few words why a replication is not done, as exactly as the server says; undefined if it says nothing. */
export function failureText(
  { failureCode, failureDetail }: Pick<Replication, 'failureCode' | 'failureDetail'>,
  m: Messages['activity'],
): string | undefined {
  return (failureDetail && m.failures[failureDetail]) ?? (failureCode && (m.failures[failureCode] ?? failureCode));
}

import { useMutation } from '@tanstack/react-query';

import { twinport } from '../../api/client';
import type { Twinport } from '../../api/twinport';
import { useNotify } from '../../app/notifications';
import { describeError } from '../../app/Problem';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';

/** Replications that one request may name. */
const perRequest = 100;

/** Tries failed replications again, and says which cannot be. */
export function useRetry() {
  const { activity: m, errors } = useMessages();
  const f = useFormat();
  const registry = useRegistry();
  const notify = useNotify();
  return useMutation({
    mutationFn: async (ids: string[]) => {
      const all: Twinport['RetryReplications']['out'] = { replicationIds: [], failures: [] };
      for (let at = 0; at < ids.length; at += perRequest) {
        const answer = await twinport(registry, 'RetryReplications', {
          replicationIds: ids.slice(at, at + perRequest),
        });
        all.replicationIds.push(...answer.replicationIds);
        all.failures.push(...answer.failures);
      }
      return all;
    },
    onSuccess: ({ replicationIds: { length: retried }, failures }) => {
      if (retried > 0) {
        notify({ type: 'success', id: 'retried', header: m.retried(retried, f.number(retried)) });
      }
      if (failures.length > 0) {
        const codes = [...new Set(failures.map((failure) => failure.failureCode))];
        const reasons: Record<string, string> = m.retryFailureCodes;
        notify({
          type: 'warning',
          id: 'not-retried',
          header: m.retryFailures(failures.length, f.number(failures.length)),
          content: codes.map((code) => reasons[code] ?? code).join(' '),
        });
      }
    },
    onError: (error) => {
      const { header, detail } = describeError(error, errors);
      notify({ type: 'error', id: 'not-retried', header, content: detail });
    },
  });
}

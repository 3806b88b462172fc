import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';

import { twinport } from '../../api/client';
import { useLive } from '../../app/live';
import { queryKey, useReread, useRegistry } from '../../app/registry';

export type Period = 'HOUR' | 'DAY';

/** Statistics are read again this often at most, in milliseconds, while replications change. */
const rereadInterval = 2000;

/** The server writes what ended every five seconds; this long after the last change it is there. */
const writtenAfter = 6000;

// Not named as the operation, for this page decides itself when to read it again.
const operation = 'ActivityStatistics';

export function useStatistics(period: Period) {
  const registry = useRegistry();
  return useQuery({
    queryKey: queryKey(registry, operation, period),
    queryFn: ({ signal }) => twinport(registry, 'GetReplicationStatistics', { period }, signal),
    placeholderData: keepPreviousData,
  });
}

/** Has the statistics that are shown read again when replications change. */
export function useStatisticsReread(): void {
  const registry = useRegistry();
  const reread = useReread();
  const timers = useRef<{ soon?: ReturnType<typeof setTimeout> | undefined; written?: ReturnType<typeof setTimeout> | undefined }>({});
  useEffect(() => {
    const { current } = timers;
    return () => {
      clearTimeout(current.soon);
      clearTimeout(current.written);
    };
  }, []);
  useLive((event) => {
    if (event.type !== 'replications' && event.type !== 'changed') {
      return;
    }
    timers.current.soon ??= setTimeout(() => {
      timers.current.soon = undefined;
      void reread(registry, operation);
    }, rereadInterval);
    clearTimeout(timers.current.written);
    timers.current.written = setTimeout(() => void reread(registry, operation), writtenAfter);
  });
}

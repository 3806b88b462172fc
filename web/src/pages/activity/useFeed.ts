import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { startTransition, useEffect, useMemo, useRef, useState } from 'react';

import { twinport } from '../../api/client';
import type { Replication } from '../../api/twinport';
import { useLive } from '../../app/live';
import { readKey } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { Changes, firstPage, laterPage, pageSize, type Selection } from './feed';

/** Changes are shown together, this often at most, in milliseconds. */
const showInterval = 250;

/** And so that the page is busy with showing them for no more than this share of its time. */
const busyShare = 0.25;

/**
 * What events cannot report (deleted images, rows that moved up from the next page) is read again this often at most, in
 * milliseconds.
 */
const rereadInterval = 5000;

export interface Feed {
  rows: Replication[];
  /** There was no answer yet. */
  loading: boolean;
  /** Why the list could not be read, if what is shown is old. */
  error: unknown;
  reread: () => void;
  /** From 1: the first page is live, on others the rows stay where they are. */
  page: number;
  hasOlder: boolean;
  older: () => void;
  /** Goes to a page that was shown before. */
  goTo: (page: number) => void;
  /** A replication as it is now, as far as that was reported. */
  now: (row: Replication) => Replication;
}

/** The replications that are selected: read once, and then kept by what the live stream reports. */
export function useFeed(selection: Selection): Feed {
  const registry = useRegistry();
  const queries = useQueryClient();
  const [changes] = useState(() => new Changes());
  const [shown, setShown] = useState(0); // the number of the last change that is shown
  const showing = useRef({ began: 0, took: 0 }); // milliseconds
  const [tokens, setTokens] = useState<string[]>([]); // of the pages after the first, up to the one that is shown
  const token = tokens.at(-1);
  const { direction, status } = selection;

  // Another selection begins at its first page.
  const [of, setOf] = useState(selection);
  if (of.direction !== direction || of.status !== status) {
    setOf(selection);
    setTokens([]);
  }

  const everyPage = useMemo(() => readKey(registry, 'ReplicationFeed'), [registry]);
  const input = {
    direction,
    ...(status ? { status } : {}),
    maxResults: pageSize,
    ...(token ? { nextToken: token } : {}),
  };
  const { data, error, failureReason, isPlaceholderData, refetch } = useQuery({
    queryKey: readKey(registry, 'ReplicationFeed', input),
    queryFn: async ({ signal }) => {
      const asOf = changes.number; // what was reported until now is in the answer
      return { ...(await twinport(registry, 'ListReplications', input, signal)), asOf };
    },
    staleTime: 0,
    gcTime: 0,
    placeholderData: keepPreviousData,
  });

  const asOf = data?.asOf ?? 0;
  const rows = useMemo(() => {
    const reported = changes.since(asOf, direction);
    const listed = data?.replications ?? [];
    return token ? laterPage(listed, reported) : firstPage(listed, reported, { direction, status });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- shown counts the changes that are to be seen
  }, [data, asOf, direction, status, token, changes, shown]);

  const timers = useRef<{
    show?: ReturnType<typeof setTimeout> | undefined;
    reread?: ReturnType<typeof setTimeout> | undefined;
  }>({});
  const rereadSoon = () => {
    timers.current.reread ??= setTimeout(() => {
      timers.current.reread = undefined;
      void queries.invalidateQueries({ queryKey: everyPage });
    }, rereadInterval);
  };
  useEffect(() => {
    const { current } = timers;
    return () => {
      clearTimeout(current.show);
      clearTimeout(current.reread);
    };
  }, []);

  useEffect(() => {
    showing.current.took = performance.now() - showing.current.began;
  }, [shown]);

  useLive((event) => {
    switch (event.type) {
      case 'ready': // what changed before the stream began was not reported
      case 'lost':
        void queries.invalidateQueries({ queryKey: everyPage });
        break;
      case 'changed':
        rereadSoon();
        break;
      case 'replications':
        changes.add(event.direction, event.replications);
        if (!changes.knownSince(asOf)) {
          rereadSoon();
        }
        timers.current.show ??= setTimeout(
          () => {
            timers.current.show = undefined;
            showing.current.began = performance.now();
            startTransition(() => setShown(changes.number)); // what the viewer does goes before
          },
          Math.max(showInterval, showing.current.took / busyShare),
        );
    }
  });

  // A page that has lost half of its rows to other states is filled up.
  const hasOlder = !isPlaceholderData && data?.nextToken !== undefined;
  const thin = !token && hasOlder && rows.length < pageSize / 2;
  useEffect(() => {
    if (thin) {
      rereadSoon();
    }
  });

  const older = async () => {
    // The live page has moved on since it was read: the next one begins where it ends now.
    const last = token ? data : (await refetch()).data;
    if (last?.nextToken) {
      setTokens([...tokens, last.nextToken]);
    }
  };
  return {
    rows,
    loading: !data,
    error: error ?? failureReason,
    reread: () => void refetch(),
    page: tokens.length + 1,
    hasOlder,
    older: () => void older(),
    goTo: (page) => setTokens(tokens.slice(0, page - 1)),
    now: (row) => changes.latestOf(direction, row),
  };
}

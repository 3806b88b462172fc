// Follows the registry that is shown, so that pages change when it does.

import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useEffectEvent, useRef, useState, type ReactNode } from 'react';

import { APIError } from '../api/client';
import { watch, type WatchEvent } from '../api/watch';
import { readKey, registryKey, sessionsKey, type Read } from './queries';
import { useRegistry } from './registry';

export type Connection = 'connecting' | 'live' | 'offline';

interface Live {
  connection: Connection;
  /** Has listener called for each event until the function that it returns is. */
  listen: (listener: (event: WatchEvent) => void) => () => void;
}

const LiveContext = createContext<Live>({ connection: 'connecting', listen: () => () => {} });

export function useConnection(): Connection {
  return useContext(LiveContext).connection;
}

/** Calls the listener for every event of the registry while the component is shown. */
export function useLive(listener: (event: WatchEvent) => void): void {
  const { listen } = useContext(LiveContext);
  const onEvent = useEffectEvent(listener);
  useEffect(() => listen((event) => onEvent(event)), [listen]);
}

/** What may be different after a change of each kind. */
const ofReplications: Read[] = [
  'FindImages',
  'GetReplicationStatistics',
  'CheckReplicationDestinations',
  'ListReplicationBackfills',
];
const ofRepositories: Read[] = [
  'FindRepositories',
  'MatchingRepositories',
  'FindImages',
  'DescribeImages',
  'DescribeStorage',
  'ImageParts',
  'GetLifecyclePolicy',
  'GetRepositoryPolicy',
  'ListLifecycleRunImages',
  'ListLifecycleRuns',
  'ListTagsForResource',
];
const ofRegistry: Read[] = [
  'DescribeRegistry',
  'GetRegistryPolicy',
  'CheckReplicationDestinations',
  'GetReplicationStatistics',
  'FindRepositories',
  'GetAccountSetting',
  'GetRegistryScanningConfiguration',
  'ListPullTimeUpdateExclusions',
  'DescribeRepositoryCreationTemplates',
];

/**
 * A page that is not seen for this long stops following, in milliseconds: browsers open only six connections to a host.
 */
const unseen = 20_000;

/** Many changes at once are one reading: each is read again at most this often, in milliseconds. */
const rereadInterval = 300;

/** Longer for answers that cost the server more than a page of a list, or of which a page may ask a hundred. */
const costly: Partial<Record<Read, number>> = {
  GetReplicationStatistics: 2000,
  CheckReplicationDestinations: 2000,
  ListReplicationBackfills: 1000,
  MatchingRepositories: 5000,
  DescribeStorage: 5000,
};

/** The server writes what ended every five seconds: so long after the last change its statistics know all of them. */
const writtenAfter = 6000;

export function LiveProvider({ children }: { children: ReactNode }) {
  const { account, region, session } = useRegistry();
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>('connecting');
  const listeners = useRef(new Set<(event: WatchEvent) => void>());
  const [listen] = useState(() => (listener: (event: WatchEvent) => void) => {
    listeners.current.add(listener);
    return () => {
      listeners.current.delete(listener);
    };
  });

  useEffect(() => {
    const registry = { account, region };
    const timers = new Map<Read, ReturnType<typeof setTimeout>>();
    const rereadNow = (read: Read) => {
      timers.delete(read);
      void queries.invalidateQueries({ queryKey: readKey(registry, read) });
    };
    const reread = (reads: Read[]) => {
      for (const read of reads.filter((r) => !timers.has(r))) {
        timers.set(read, setTimeout(rereadNow, costly[read] ?? rereadInterval, read));
      }
    };
    let written: ReturnType<typeof setTimeout> | undefined;
    const rereadWritten = () => {
      clearTimeout(written);
      written = setTimeout(rereadNow, writtenAfter, 'GetReplicationStatistics');
    };
    let began = false; // a stream has begun before: what changed since is not known
    const onEvent = (event: WatchEvent) => {
      switch (event.type) {
        case 'ready':
          setConnection('live');
          if (began) {
            void queries.invalidateQueries({ queryKey: registryKey(registry) });
            void queries.invalidateQueries({ queryKey: sessionsKey }); // the server may be another version
          }
          began = true;
          rereadWritten(); // of what ended just before
          break;
        case 'lost':
          void queries.invalidateQueries({ queryKey: registryKey(registry) });
          break;
        case 'replications':
          reread(ofReplications);
          rereadWritten();
          break;
        case 'changed':
          if (event.repositoryNames.length > 0) {
            reread(ofRepositories);
          }
          if (event.registry) {
            reread(ofRegistry);
          }
      }
      listeners.current.forEach((listener) => listener(event));
    };
    const follow = async (stopped: AbortSignal) => {
      for (let tries = 0; !stopped.aborted; tries++) {
        try {
          await watch(registry, stopped, (event) => {
            tries = 0;
            onEvent(event);
          });
        } catch (error) {
          if (stopped.aborted) {
            return;
          }
          const reached = error instanceof APIError && error.status > 0 && error.status < 500;
          setConnection(reached ? 'connecting' : 'offline');
          if (error instanceof APIError && error.signedOut) {
            void queries.invalidateQueries({ queryKey: sessionsKey });
          }
          await new Promise((resolve) => setTimeout(resolve, Math.min(250 * 2 ** tries, 5000)));
        }
      }
    };
    let following: AbortController | undefined;
    let leaving: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      following?.abort();
      following = undefined;
    };
    const start = () => {
      following = new AbortController();
      void follow(following.signal);
    };
    const onVisibility = () => {
      clearTimeout(leaving);
      if (document.visibilityState === 'hidden') {
        leaving = setTimeout(stop, unseen);
      } else if (!following) {
        start();
      }
    };
    // The browser has lost or found a network: the stream, if it is open, may be dead.
    const onNetwork = () => {
      if (following) {
        stop();
        start();
      }
    };
    document.addEventListener('visibilitychange', onVisibility);
    addEventListener('online', onNetwork);
    addEventListener('offline', onNetwork);
    onVisibility();
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      removeEventListener('online', onNetwork);
      removeEventListener('offline', onNetwork);
      clearTimeout(leaving);
      clearTimeout(written);
      timers.forEach(clearTimeout);
      stop();
      setConnection('connecting');
    };
    // A session that was renewed begins at once, not when the next try is due.
  }, [account, region, session.expiresAt, queries]);

  return <LiveContext value={{ connection, listen }}>{children}</LiveContext>;
}

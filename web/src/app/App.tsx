import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from 'react-router';

import { APIError } from '../api/client';
import { readSessions } from '../api/session';
import { AppearanceProvider } from './appearance';
import { LocalisationProvider } from './localisation';
import { NotificationsProvider } from './notifications';
import { sessionsKey } from './queries';
import { router } from './routes';

// An answer that the session has ended has the sessions read again, and the
// layout asks for the key above the page.
const onError = (error: unknown) => {
  if (error instanceof APIError && error.signedOut) {
    void queries.invalidateQueries({ queryKey: sessionsKey });
  }
};

// Reads are tried again for as long as the server is away, and a few times if it
// met a fault; what changes something is tried once, and the page says how it went.
const retry = (count: number, error: unknown) =>
  error instanceof APIError && (error.away || (error.transient && count < 3));

const queries = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry,
      retryDelay: (count) => Math.min(500 * 2 ** count, 3000),
      networkMode: 'always', // localhost is there without a network
    },
    mutations: { networkMode: 'always' },
  },
});

// Every page needs them first: they are asked for while the rest of the console loads.
void queries.prefetchQuery({ queryKey: sessionsKey, queryFn: readSessions });

export function App() {
  return (
    <LocalisationProvider>
      <AppearanceProvider>
        <QueryClientProvider client={queries}>
          <NotificationsProvider>
            <RouterProvider router={router} />
          </NotificationsProvider>
        </QueryClientProvider>
      </AppearanceProvider>
    </LocalisationProvider>
  );
}

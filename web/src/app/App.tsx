import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from 'react-router';

import { APIError } from '../api/client';
import { AppearanceProvider } from './appearance';
import { LocalisationProvider } from './localisation';
import { NotificationsProvider } from './notifications';
import { router } from './routes';

// Reads are tried again by themselves while the server is away; what changes
// something is tried once, and the page says how it went.
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (count, error) => error instanceof APIError && error.transient && count < 60,
      retryDelay: (count) => Math.min(500 * 2 ** count, 3000),
      networkMode: 'always', // localhost is there without a network
    },
    mutations: { networkMode: 'always' },
  },
});

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

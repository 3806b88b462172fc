// Which address shows which page. Each page is loaded when it is first shown.

import { createBrowserRouter, type RouteObject } from 'react-router';

import { CrashPage } from './CrashPage';
import { EntryPage } from './EntryPage';
import { NotFoundPage } from './NotFoundPage';
import { RegistryLayout } from './RegistryLayout';
import { SignInPage } from './SignInPage';

const pages: RouteObject[] = [
  { index: true, lazy: async () => ({ Component: (await import('../pages/registry/RegistryPage')).RegistryPage }) },
  { path: 'replication', lazy: async () => ({ Component: (await import('../pages/replication/ReplicationPage')).ReplicationPage }) },
  { path: 'replication/edit', lazy: async () => ({ Component: (await import('../pages/replication/EditReplicationPage')).EditReplicationPage }) },
  { path: 'permissions', lazy: async () => ({ Component: (await import('../pages/permissions/PermissionsPage')).PermissionsPage }) },
  { path: 'repositories', lazy: async () => ({ Component: (await import('../pages/repositories/RepositoriesPage')).RepositoriesPage }) },
  { path: 'repositories/create', lazy: async () => ({ Component: (await import('../pages/repositories/CreateRepositoryPage')).CreateRepositoryPage }) },
  { path: 'repository/*', lazy: async () => ({ Component: (await import('../pages/repositories/RepositoryPage')).RepositoryPage }) },
  { path: 'activity', lazy: async () => ({ Component: (await import('../pages/activity/ActivityPage')).ActivityPage }) },
  { path: 'sessions', lazy: async () => ({ Component: (await import('../pages/sessions/SessionsPage')).SessionsPage }) },
  { path: '*', Component: NotFoundPage },
];

export const router = createBrowserRouter(
  [
    {
      ErrorBoundary: CrashPage,
      children: [
        { path: '/', Component: EntryPage },
        { path: '/sign-in', Component: SignInPage },
        { path: '/:account/:region', Component: RegistryLayout, children: pages },
        { path: '*', Component: NotFoundPage },
      ],
    },
  ],
  { basename: '/console' },
);

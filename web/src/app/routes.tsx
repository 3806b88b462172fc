// Which address shows which page. Each page is loaded when it is first shown.

import type { ComponentType } from 'react';
import { createBrowserRouter, type RouteObject } from 'react-router';

import { loadCode } from './code';
import { CrashPage } from './CrashPage';
import { EntryPage } from './EntryPage';
import { NotFoundPage } from './NotFoundPage';
import { Plain } from './Plain';
import { SignInPage } from './SignInPage';
import { SignOutPage } from './SignOutPage';
import { Waiting } from './Waiting';

function page(load: () => Promise<ComponentType>): RouteObject['lazy'] {
  return async () => ({ Component: await loadCode(load, reload) });
}

/** Loads the address that is being navigated to, if any, from the server. */
function reload(): boolean {
  const wanted = router.state.navigation.location; // its path begins with the basename
  if (!wanted && router.state.initialized) {
    return false;
  }
  const address = wanted ? wanted.pathname + wanted.search : location.href;
  if (new URL(address, location.href).href === location.href) {
    location.reload();
  } else {
    location.assign(address);
  }
  return true;
}

const pages: RouteObject[] = [
  { index: true, lazy: page(async () => (await import('../pages/registry/RegistryPage')).RegistryPage) },
  {
    path: 'replication',
    lazy: page(async () => (await import('../pages/replication/ReplicationPage')).ReplicationPage),
  },
  {
    path: 'replication/edit',
    lazy: page(async () => (await import('../pages/replication/EditReplicationPage')).EditReplicationPage),
  },
  {
    path: 'permissions',
    lazy: page(async () => (await import('../pages/permissions/PermissionsPage')).PermissionsPage),
  },
  {
    path: 'repositories',
    lazy: page(async () => (await import('../pages/repositories/RepositoriesPage')).RepositoriesPage),
  },
  {
    path: 'repositories/create',
    lazy: page(async () => (await import('../pages/repositories/CreateRepositoryPage')).CreateRepositoryPage),
  },
  {
    path: 'repository/*',
    lazy: page(async () => (await import('../pages/repositories/RepositoryPage')).RepositoryPage),
  },
  {
    path: 'templates',
    lazy: page(async () => (await import('../pages/templates/TemplatesPage')).TemplatesPage),
  },
  {
    path: 'templates/create',
    lazy: page(async () => (await import('../pages/templates/CreateTemplatePage')).CreateTemplatePage),
  },
  {
    path: 'templates/edit',
    lazy: page(async () => (await import('../pages/templates/EditTemplatePage')).EditTemplatePage),
  },
  { path: 'activity', lazy: page(async () => (await import('../pages/activity/ActivityPage')).ActivityPage) },
  {
    path: 'deployments',
    lazy: page(async () => (await import('../pages/deployments/DeploymentsPage')).DeploymentsPage),
  },
  {
    path: 'deployments/join',
    lazy: page(async () => (await import('../pages/deployments/JoinPage')).JoinPage),
  },
  { path: 'sessions', lazy: page(async () => (await import('../pages/sessions/SessionsPage')).SessionsPage) },
  { path: '*', Component: NotFoundPage },
];

export const router = createBrowserRouter(
  [
    {
      errorElement: (
        <main>
          <CrashPage />
        </main>
      ),
      HydrateFallback: Waiting,
      children: [
        {
          Component: Plain,
          children: [
            { path: '/', Component: EntryPage },
            { path: '/sign-in', Component: SignInPage },
            { path: '/sign-out', Component: SignOutPage },
            { path: '*', Component: NotFoundPage },
          ],
        },
        {
          path: '/:account/:region',
          lazy: page(async () => (await import('./RegistryLayout')).RegistryLayout),
          children: [{ ErrorBoundary: CrashPage, children: pages }],
        },
      ],
    },
  ],
  { basename: '/console' },
);

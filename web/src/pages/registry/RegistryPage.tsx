// Private registry: what is on, what is missing, and what to do next.

import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { lazy, Suspense } from 'react';

import { PageButton } from '../../app/PageLink';
import { pagePath, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { groupedAccount } from '../../i18n/format';
import { useRegistryPolicy } from '../../parts/policy/registryPolicy';
import { useDestinations } from './destinations';
import { PermissionsSummary } from './PermissionsSummary';
import { permittedBy } from './permitted';
import { ReplicationSummary } from './ReplicationSummary';
import { RepositoriesSummary } from './RepositoriesSummary';
import { StateSummary } from './StateSummary';
import { StorageSummary } from './StorageSummary';
import { UseSummary } from './UseSummary';

// The last of the page: nobody waits for it to begin.
const SettingsSections = lazy(async () => ({ default: (await import('./SettingsSections')).SettingsSections }));

export function RegistryPage() {
  const m = useMessages().registry;
  const registry = useRegistry();
  const destinations = useDestinations();
  const policy = useRegistryPolicy();
  const permitted = policy.data === undefined ? undefined : permittedBy(policy.data);
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={m.description(registry.session.accountName, groupedAccount(registry.account), registry.region)}
          actions={
            <PageButton to={pagePath(registry, 'repositories/create')} variant="primary">
              {m.createRepository}
            </PageButton>
          }
        >
          {m.title}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <StateSummary
          rows={destinations.rows}
          permitted={permitted}
          failed={Boolean(destinations.error ?? policy.error)}
        />
        <ReplicationSummary rows={destinations.rows} error={destinations.error} />
        <PermissionsSummary permitted={permitted} error={policy.error} />
        <RepositoriesSummary />
        <StorageSummary />
        <UseSummary />
        <Suspense>
          <SettingsSections />
        </Suspense>
      </SpaceBetween>
    </ContentLayout>
  );
}

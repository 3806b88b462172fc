import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useState } from 'react';
import { useHref, useNavigate, useParams, useSearchParams } from 'react-router';

import type { FoundRepository } from '../../api/twinport';
import { PageLink } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { pagePath, repositoryPath, useRegistry, useTwinport } from '../../app/registry';
import { Waiting } from '../../app/Waiting';
import { useMessages } from '../../i18n';
import { CopyButton } from '../../parts/CopyButton';
import { Crumbs } from './Crumbs';
import { DeleteRepositoryDialog } from './DeleteRepositoryDialog';
import { ImagePage } from './images/ImagePage';
import { ImagesTab } from './images/ImagesTab';
import { LifecycleTab } from './lifecycle/LifecycleTab';
import { PermissionsTab } from './PermissionsTab';
import { PushCommands } from './PushCommands';
import { ResourceTagsTab } from './ResourceTagsTab';
import { SettingsTab } from './SettingsTab';
import { StoredText } from './StoredText';

/** A repository, or one image of it: what is shown of it is in the address. */
export function RepositoryPage() {
  const name = (useParams()['*'] ?? '').replace(/\/+$/, '');
  const registry = useRegistry();
  const [parameters] = useSearchParams();
  // The first of those whose names begin so is the one of that very name.
  const found = useTwinport('FindRepositories', { startsWith: name, maxResults: 1 });
  const repository = found.data?.repositories.find((r) => r.repositoryName === name);
  const image = parameters.get('image');
  if (!repository) {
    return found.data ? <Gone name={name} /> : <Waiting error={found.error ?? found.failureReason} />;
  }
  const key = `${registry.account} ${registry.region} ${name} ${image ?? ''}`;
  return image ? (
    <ImagePage key={key} repository={repository} digest={image} />
  ) : (
    <Shown key={key} repository={repository} error={found.error} />
  );
}

function Gone({ name }: { name: string }) {
  const m = useMessages().repositories;
  const registry = useRegistry();
  return (
    <ContentLayout
      breadcrumbs={<Crumbs steps={[{ text: name, path: repositoryPath(registry, name) }]} />}
      header={<Header variant="h1">{name}</Header>}
    >
      <Alert type="warning" header={m.gone(name)}>
        {m.goneAdvice} <PageLink to={pagePath(registry, 'repositories')}>{m.toList}</PageLink>
      </Alert>
    </ContentLayout>
  );
}

function Shown({ repository, error }: { repository: FoundRepository; error: unknown }) {
  const { lifecycle, repositories: m, shell } = useMessages();
  const registry = useRegistry();
  const navigate = useNavigate();
  const [parameters] = useSearchParams();
  const [dialog, setDialog] = useState<'push' | 'delete'>();
  const name = repository.repositoryName;
  const here = useHref(repositoryPath(registry, name));
  const push = () => setDialog('push');
  const tabs = [
    { id: 'images', label: m.images, content: <ImagesTab repository={repository} onPush={push} /> },
    { id: 'settings', label: m.settings, content: <SettingsTab repository={repository} /> },
    { id: 'lifecycle', label: lifecycle.title, content: <LifecycleTab repository={repository} /> },
    { id: 'permissions', label: m.permissions, content: <PermissionsTab repository={repository} /> },
    { id: 'tags', label: m.tags, content: <ResourceTagsTab repository={repository} /> },
  ];
  const shown = tabs.find((tab) => tab.id === parameters.get('tab')) ?? tabs[0]!;
  return (
    <ContentLayout
      breadcrumbs={<Crumbs steps={[{ text: name, path: repositoryPath(registry, name) }]} />}
      header={
        <Header
          variant="h1"
          description={
            <>
              <CopyButton
                variant="inline"
                textToCopy={repository.repositoryUri}
                copyButtonAriaLabel={m.copyURI(name)}
              />
              <div>
                <StoredText repositoryName={name} />
              </div>
            </>
          }
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button onClick={() => setDialog('delete')}>{shell.delete}</Button>
              <Button variant="primary" onClick={push}>
                {m.pushCommands}
              </Button>
            </SpaceBetween>
          }
        >
          {name}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <Problem error={error} />
        <Tabs
          ariaLabel={name}
          keyboardActivationMode="manual"
          activeTabId={shown.id}
          onChange={({ detail }) =>
            void navigate(
              repositoryPath(registry, name, detail.activeTabId === 'images' ? undefined : detail.activeTabId),
            )
          }
          tabs={tabs.map((tab) => ({ ...tab, href: tab.id === 'images' ? here : `${here}?tab=${tab.id}` }))}
        />
      </SpaceBetween>
      {dialog === 'push' && <PushCommands repository={repository} onClose={() => setDialog(undefined)} />}
      {dialog === 'delete' && (
        <DeleteRepositoryDialog
          repository={repository}
          onClose={() => setDialog(undefined)}
          onDeleted={() => void navigate(pagePath(registry, 'repositories'))}
        />
      )}
    </ContentLayout>
  );
}

import Container from '@cloudscape-design/components/container';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';

import { Empty } from '../../app/Empty';
import { PageButton, PageLink } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { pagePath, repositoryPath, useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';

/** How many repositories the overview shows. */
const shown = 5;

export function RepositoriesSummary() {
  const { registry: m, shell } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const found = useTwinport('FindRepositories', { maxResults: shown });
  const header = (
    <Header variant="h2" actions={<PageButton to={pagePath(registry, 'repositories')}>{m.allRepositories}</PageButton>}>
      {shell.repositories}
    </Header>
  );
  if (found.data?.repositories.length === 0) {
    return (
      <Container header={header}>
        <Empty
          title={m.noRepositories}
          advice={m.noRepositoriesAdvice}
          action={<PageButton to={pagePath(registry, 'repositories/create')}>{m.createRepository}</PageButton>}
        />
      </Container>
    );
  }
  return (
    <SpaceBetween size="s">
      <Problem error={found.error} />
      <Table
        header={header}
        items={found.data?.repositories ?? []}
        trackBy="repositoryName"
        loading={found.isPending}
        loadingText={shell.loading}
        wrapLines
        columnDefinitions={[
          {
            id: 'name',
            header: m.repository,
            minWidth: 150,
            isRowHeader: true,
            cell: (r) => <PageLink to={repositoryPath(registry, r.repositoryName)}>{r.repositoryName}</PageLink>,
          },
          {
            id: 'uri',
            header: m.uri,
            minWidth: 280,
            cell: (r) => (
              <CopyToClipboard
                variant="inline"
                textToCopy={r.repositoryUri}
                copyButtonAriaLabel={m.copyURI(r.repositoryName)}
                copySuccessText={shell.copied}
                copyErrorText={shell.copyFailed}
              />
            ),
          },
          { id: 'created', header: m.created, cell: (r) => format.dateTime(r.createdAt) },
        ]}
      />
    </SpaceBetween>
  );
}

import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';

import type { RepositoryCreationTemplate } from '../../api/ecr';
import { Empty } from '../../app/Empty';
import { PageButton, PageLink } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { pagePath, useECR, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { ListPages } from '../../parts/lists/ListPages';
import { goTo, start, tokenOf } from '../../parts/lists/trail';
import { mutabilityOf } from '../../parts/mutability/mutability';
import { MutabilityText } from '../../parts/mutability/MutabilityText';
import { DeleteTemplate } from './DeleteTemplate';
import { occasions } from './form';

const pageSize = 50;

/** The registry's repository creation templates. */
export function TemplatesPage() {
  const { templates: m, repositories, shell } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const [trail, setTrail] = useState(start);
  const [deleting, setDeleting] = useState<string>();
  const nextToken = tokenOf(trail);
  const read = useECR(
    'DescribeRepositoryCreationTemplates',
    { maxResults: pageSize, ...(nextToken === undefined ? {} : { nextToken }) },
    { keep: true },
  );
  const create = pagePath(registry, 'templates/create');
  const gives = (t: RepositoryCreationTemplate) =>
    [
      t.repositoryPolicy && m.hasPolicy,
      t.lifecyclePolicy && m.hasLifecycle,
      t.resourceTags?.length && m.hasTags(t.resourceTags.length),
    ].filter((text): text is string => typeof text === 'string' && text !== '');
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={m.description}
          actions={
            <PageButton to={create} variant="primary">
              {m.create}
            </PageButton>
          }
        >
          {m.title}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <Problem
          error={read.error ?? (read.data ? undefined : read.failureReason)}
          onRetry={() => void read.refetch()}
        />
        <Table<RepositoryCreationTemplate>
          variant="container"
          trackBy="prefix"
          items={read.data?.repositoryCreationTemplates ?? []}
          loading={read.isPending}
          loadingText={shell.loading}
          ariaLabels={{ tableLabel: m.title }}
          wrapLines
          columnDefinitions={[
            {
              id: 'prefix',
              header: m.prefix,
              isRowHeader: true,
              cell: ({ prefix, description }) => (
                <>
                  <PageLink to={editPath(registry, prefix)} ariaLabel={m.editOf(prefix)}>
                    {prefix === 'ROOT' ? m.root : m.matches(prefix)}
                  </PageLink>
                  {description && <div>{description}</div>}
                </>
              ),
              minWidth: 170,
            },
            {
              id: 'appliedFor',
              header: m.appliedFor,
              cell: ({ appliedFor }) =>
                format.list(occasions.filter((o) => appliedFor.includes(o)).map((o) => m.occasions[o])) || '–',
              minWidth: 140,
            },
            {
              id: 'mutability',
              header: repositories.mutability,
              cell: (t) => <MutabilityText mutability={mutabilityOf(t)} />,
              minWidth: 130,
            },
            { id: 'gives', header: m.gives, cell: (t) => format.list(gives(t)) || '–', minWidth: 150 },
            { id: 'changed', header: m.changed, cell: (t) => format.dateTime(t.updatedAt), minWidth: 150 },
            {
              id: 'actions',
              header: m.actions,
              cell: ({ prefix }) => (
                <Button variant="inline-link" ariaLabel={m.deleteOf(prefix)} onClick={() => setDeleting(prefix)}>
                  {shell.delete}
                </Button>
              ),
              minWidth: 100,
            },
          ]}
          pagination={
            (nextToken !== undefined || read.data?.nextToken !== undefined) && (
              <ListPages
                place={{ trail, go: (wanted, next) => setTrail(goTo(trail, wanted, next)) }}
                next={read.data?.nextToken}
                label={m.pages}
                disabled={read.isPlaceholderData}
              />
            )
          }
          empty={
            read.error ? null : (
              <Empty title={m.none} advice={m.noneAdvice} action={<PageButton to={create}>{m.create}</PageButton>} />
            )
          }
        />
      </SpaceBetween>
      {deleting !== undefined && <DeleteTemplate prefix={deleting} onClose={() => setDeleting(undefined)} />}
    </ContentLayout>
  );
}

/** The address of the page that edits a template; its prefix may have slashes. */
function editPath(registry: Parameters<typeof pagePath>[0], prefix: string): string {
  return pagePath(registry, `templates/edit?${new URLSearchParams({ prefix }).toString()}`);
}

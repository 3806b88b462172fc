import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import { useNavigate } from 'react-router';

import { APIError } from '../../../api/client';
import type { FoundImage, FoundRepository, Replication } from '../../../api/twinport';
import { Empty } from '../../../app/Empty';
import { PageLink } from '../../../app/PageLink';
import { Problem } from '../../../app/Problem';
import { repositoryPath, useECR, useRegistry, useTwinport } from '../../../app/registry';
import { Waiting } from '../../../app/Waiting';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { CopyButton } from '../../../parts/CopyButton';
import { useDestinationName } from '../../../parts/destinations/destination';
import { Crumbs } from '../Crumbs';
import { Digest } from './columns';
import { ContentSections } from './ContentSections';
import { DeleteImagesDialog } from './DeleteImagesDialog';
import { shortDigest } from './kind';
import { ManifestSection } from './ManifestSection';
import { imagePath } from './path';
import { PlatformsSection } from './PlatformsSection';
import { PullCommands } from './PullCommands';
import { ReplicationCell } from './ReplicationCell';
import { rowOf, type ImageRow } from './rows';

/** The page shows so many tags. */
const shownTags = 100;

/** One image of a repository. */
export function ImagePage({ repository, digest }: { repository: FoundRepository; digest: string }) {
  const { images: m } = useMessages();
  const registry = useRegistry();
  const { repositoryName } = repository;
  const described = useECR('DescribeImages', { repositoryName, imageIds: [{ imageDigest: digest }] });
  // A child or a referrer is listed with the image that it belongs to, and may not be found on its own.
  const found = useTwinport('FindImages', { repositoryName, startsWith: digest, maxResults: 1 });
  const detail = described.data?.imageDetails[0];
  const listed = found.data?.images.find((image) => image.imageDigest === digest);
  const gone = described.error instanceof APIError && described.error.code === 'ImageNotFoundException';
  if (gone) {
    return (
      <ContentLayout
        breadcrumbs={<ImageCrumbs repository={repository} digest={digest} />}
        header={<Header variant="h1">{shortDigest(digest)}</Header>}
      >
        <Alert type="warning" header={m.gone}>
          {m.goneAdvice} <PageLink to={repositoryPath(registry, repositoryName)}>{m.toList}</PageLink>
        </Alert>
      </ContentLayout>
    );
  }
  if (!detail) {
    return <Waiting error={described.error ?? described.failureReason} />;
  }
  const tags = detail.imageTags ?? [];
  const image: FoundImage = {
    children: [],
    referrers: [],
    replications: [],
    ...listed,
    ...detail,
    imageTags: tags,
    imageTagCount: listed?.imageTagCount ?? tags.length,
  };
  return <Shown repository={repository} image={image} error={described.error ?? found.error} />;
}

function ImageCrumbs({ repository, digest }: { repository: FoundRepository; digest: string }) {
  const registry = useRegistry();
  const { repositoryName } = repository;
  return (
    <Crumbs
      steps={[
        { text: repositoryName, path: repositoryPath(registry, repositoryName) },
        { text: shortDigest(digest), path: imagePath(registry, repositoryName, digest) },
      ]}
    />
  );
}

function Shown({ repository, image, error }: { repository: FoundRepository; image: FoundImage; error: unknown }) {
  const { images: m } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const { repositoryName } = repository;
  const row = rowOf(image);
  const tags = row.tags.slice(0, shownTags);
  const content = useTwinport('DescribeImageConfiguration', { repositoryName, imageId: { imageDigest: row.digest } });
  const isPlatform = (part: ImageRow) => part.role === 'child' && part.kind !== 'attestation';
  const platforms = row.parts.filter(isPlatform);
  const parts = row.parts.filter((part) => !isPlatform(part));
  const to = (digest: string) => imagePath(registry, repositoryName, digest);
  return (
    <ContentLayout
      breadcrumbs={<ImageCrumbs repository={repository} digest={row.digest} />}
      header={
        <Header
          variant="h1"
          description={`${repositoryName} · ${m.kinds[row.kind]}`}
          actions={<Button onClick={() => setDeleting(true)}>{m.delete}</Button>}
        >
          {tags[0] ?? shortDigest(row.digest)}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Problem error={error} />
        <Container header={<Header variant="h2">{m.details}</Header>}>
          <KeyValuePairs
            columns={3}
            minColumnWidth={240}
            items={[
              {
                label: m.digest,
                value: (
                  <CopyButton
                    variant="inline"
                    textToCopy={row.digest}
                    copyButtonAriaLabel={m.copyDigest(row.digest)}
                    wrapText
                  />
                ),
              },
              {
                label: m.tags,
                value:
                  tags.length > 0 ? (
                    `${tags.join(', ')} ${row.tagCount > tags.length ? m.moreTags(row.tagCount - tags.length) : ''}`
                  ) : (
                    <em>{m.untagged}</em>
                  ),
              },
              { label: m.type, value: m.kinds[row.kind] },
              { label: m.size, value: format.bytes(row.size) },
              { label: m.pushedAt, value: format.dateTime(image.imagePushedAt) },
              { label: m.pulledAt, value: row.pulledAt === undefined ? m.never : format.dateTime(row.pulledAt) },
              {
                label: m.mediaType,
                value: [...new Set([image.imageManifestMediaType, image.artifactMediaType])].filter(Boolean).join(', '),
              },
              ...(image.subjectManifestDigest
                ? [
                    {
                      label: m.subject,
                      value: (
                        <PageLink to={to(image.subjectManifestDigest)}>
                          {shortDigest(image.subjectManifestDigest)}
                        </PageLink>
                      ),
                    },
                  ]
                : []),
            ]}
          />
        </Container>
        <PullCommands repository={repository} row={row} />
        {platforms.length > 0 && <PlatformsSection repository={repository} rows={platforms} to={to} />}
        {parts.length > 0 && <Parts rows={parts} to={to} />}
        <Problem error={content.data ? undefined : (content.error ?? content.failureReason)} />
        {content.data && <ContentSections content={content.data} />}
        <Replications replications={image.replications} />
        <ManifestSection repositoryName={repositoryName} digest={row.digest} />
      </SpaceBetween>
      {deleting && (
        <DeleteImagesDialog
          repository={repository}
          selected={[row]}
          onClose={(gone) => {
            setDeleting(false);
            if (gone.has(row.digest)) {
              void navigate(repositoryPath(registry, repositoryName));
            }
          }}
        />
      )}
    </ContentLayout>
  );
}

function Parts({ rows, to }: { rows: ImageRow[]; to: (digest: string) => string }) {
  const m = useMessages().images;
  const format = useFormat();
  return (
    <Table<ImageRow>
      trackBy="key"
      items={rows}
      header={
        <Header variant="h2" counter={`(${format.number(rows.length)})`}>
          {m.parts}
        </Header>
      }
      columnDefinitions={[
        {
          id: 'type',
          header: m.type,
          cell: (row) => <PageLink to={to(row.digest)}>{m.kinds[row.kind]}</PageLink>,
          isRowHeader: true,
          minWidth: 120,
        },
        {
          id: 'platform',
          header: m.platform,
          cell: (row) => (row.role === 'child' ? (row.platform ?? '–') : m.refersTo),
          minWidth: 120,
        },
        { id: 'digest', header: m.digest, cell: (row) => <Digest digest={row.digest} />, minWidth: 230 },
        { id: 'size', header: m.size, cell: (row) => format.bytes(row.size), minWidth: 100 },
        {
          id: 'media-type',
          header: m.mediaType,
          cell: (row) => <span style={{ whiteSpace: 'normal', overflowWrap: 'anywhere' }}>{row.mediaType}</span>,
          minWidth: 180,
        },
      ]}
    />
  );
}

function Replications({ replications }: { replications: Replication[] }) {
  const m = useMessages().images;
  const format = useFormat();
  const nameOf = useDestinationName();
  return (
    <Table<Replication>
      trackBy="replicationId"
      wrapLines
      items={replications}
      header={<Header variant="h2">{m.replication}</Header>}
      empty={<Empty title={m.replicationNone} advice={m.notReplicatedReason} />}
      columnDefinitions={[
        { id: 'destination', header: m.destination, cell: (r) => nameOf(r), isRowHeader: true, minWidth: 150 },
        { id: 'status', header: m.status, cell: (r) => <ReplicationCell replication={r} />, minWidth: 200 },
        { id: 'tag', header: m.tag, cell: (r) => r.imageTag ?? <em>{m.byDigest}</em>, minWidth: 100 },
        { id: 'pushed', header: m.pushedAt, cell: (r) => format.dateTime(r.pushedAt), minWidth: 210 },
        { id: 'tries', header: m.tries, cell: (r) => format.number(r.tries), minWidth: 80 },
      ]}
    />
  );
}

import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { TableProps } from '@cloudscape-design/components/table';

import type { FoundRepository } from '../../../api/twinport';
import { PageLink } from '../../../app/PageLink';
import { useRegistry } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { CopyButton } from '../../../parts/CopyButton';
import { sameDestination, useDestinationName } from '../../../parts/destinations/destination';
import { shortDigest } from './kind';
import { imagePath } from './path';
import { ReplicationCell } from './ReplicationCell';
import type { ImageRow } from './rows';

/** Rows show so many tags of an image; its page shows more. */
const shownTags = 5;

/** The columns of the list of images, with one for each destination of the registry's rules. */
export function useImageColumns(repository: FoundRepository): TableProps.ColumnDefinition<ImageRow>[] {
  const m = useMessages().images;
  const format = useFormat();
  const nameOf = useDestinationName();
  return [
    {
      id: 'tags',
      header: m.tags,
      cell: (row) => <Name repository={repository} row={row} />,
      isRowHeader: true,
      minWidth: 180,
    },
    {
      id: 'type',
      header: m.type,
      cell: (row) => <span title={row.mediaType}>{m.kinds[row.kind]}</span>,
      minWidth: 120,
    },
    {
      id: 'pushed',
      header: m.pushedAt,
      cell: (row) => (row.pushedAt === undefined ? '–' : format.dateTime(row.pushedAt)),
      minWidth: 170,
    },
    ...repository.replicatesTo.map((destination): TableProps.ColumnDefinition<ImageRow> => ({
      id: `${destination.registryId}/${destination.region}`,
      header: m.to(nameOf(destination)),
      cell: (row) =>
        row.role === 'image' ? (
          <ReplicationCell replication={row.replications.find((r) => sameDestination(r, destination))} />
        ) : null,
      minWidth: 190,
    })),
    { id: 'size', header: m.size, cell: (row) => format.bytes(row.size), minWidth: 100 },
    { id: 'digest', header: m.digest, cell: (row) => <Digest digest={row.digest} />, minWidth: 210 },
    {
      id: 'pulled',
      header: m.pulledAt,
      cell: (row) =>
        row.role !== 'image' ? (
          '–'
        ) : row.pulledAt === undefined ? (
          <Box color="text-status-inactive">{m.never}</Box>
        ) : (
          format.dateTime(row.pulledAt)
        ),
      minWidth: 170,
    },
  ];
}

/** A digest's beginning, with a button that copies all of it. */
export function Digest({ digest }: { digest: string }) {
  const m = useMessages().images;
  return (
    <CopyButton
      variant="inline"
      textToCopy={digest}
      textToDisplay={
        <code title={digest} style={{ whiteSpace: 'nowrap' }}>
          {shortDigest(digest)}
        </code>
      }
      copyButtonAriaLabel={m.copyDigest(digest)}
    />
  );
}

function Name({ repository, row }: { repository: FoundRepository; row: ImageRow }) {
  const m = useMessages().images;
  const registry = useRegistry();
  const to = imagePath(registry, repository.repositoryName, row.digest);
  if (row.role !== 'image') {
    const text =
      row.role === 'referrer' || row.kind === 'attestation' ? m.kinds[row.kind] : (row.platform ?? m.noPlatform);
    return (
      <PageLink to={to} variant="secondary">
        {text}
      </PageLink>
    );
  }
  const tags = row.tags.slice(0, shownTags);
  if (tags.length === 0) {
    return (
      <PageLink to={to}>
        <em>{m.untagged}</em>
      </PageLink>
    );
  }
  return (
    <SpaceBetween size="xxxs">
      {tags.map((tag) => (
        <PageLink key={tag} to={to}>
          {tag}
        </PageLink>
      ))}
      {row.tagCount > tags.length && (
        <Box color="text-body-secondary" fontSize="body-s">
          {m.moreTags(row.tagCount - tags.length)}
        </Box>
      )}
    </SpaceBetween>
  );
}

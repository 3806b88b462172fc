import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';

import type { FoundRepository, ImageContent } from '../../../api/twinport';
import { PageLink } from '../../../app/PageLink';
import { useTwinportEach } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { Digest } from './columns';
import { compare, platformOf, sizeOf } from './content';
import { shortDigest } from './kind';
import type { ImageRow } from './rows';
import { useShown } from './useShown';
import { Visible } from './Visible';

/** The configurations of so many platforms are read and compared. */
const mostCompared = 16;

interface Platform {
  row: ImageRow;
  content: ImageContent | undefined;
  /** Of each field that differs, the lines that not all have. */
  own: string[][];
}

/** The platforms of an index side by side. */
export function PlatformsSection({
  repository,
  rows,
  to,
}: {
  repository: FoundRepository;
  rows: ImageRow[];
  to: (digest: string) => string;
}) {
  const { images: m, content: c, shell } = useMessages();
  const format = useFormat();
  const { repositoryName } = repository;
  const reads = useTwinportEach(
    'DescribeImageConfiguration',
    rows.slice(0, mostCompared).map((row) => ({ repositoryName, imageId: { imageDigest: row.digest } })),
  );
  const contents = rows.map((_, i) => reads[i]?.data);
  const { alike, different } = compare(contents.map((content) => content?.configuration));
  const known = contents.filter((content) => content?.configuration).length;
  const platforms = rows.map((row, i): Platform => ({
    row,
    content: contents[i],
    own: different.map(({ lines }) => lines[i]!),
  }));
  const { shown, more } = useShown(platforms);
  const notes = [
    known > 1 && different.length === 0 ? c.allAlike : undefined,
    known > 1 && different.length > 0 && alike.length > 0
      ? c.alike(format.list(alike.map((field) => c[field])))
      : undefined,
    rows.length > mostCompared ? c.comparedOnly(mostCompared) : undefined,
  ].filter((note) => note !== undefined);
  return (
    <Table<Platform>
      trackBy={({ row }) => row.key}
      wrapLines
      items={shown}
      header={
        <Header variant="h2" counter={`(${format.number(rows.length)})`} description={c.platformsAdvice}>
          {c.platforms}
        </Header>
      }
      footer={
        more ??
        (notes.length > 0 ? (
          <SpaceBetween size="xxs">
            {notes.map((note) => (
              <Box key={note} color="text-body-secondary">
                {note}
              </Box>
            ))}
          </SpaceBetween>
        ) : undefined)
      }
      columnDefinitions={[
        {
          id: 'platform',
          header: m.platform,
          cell: ({ row, content }) => (
            <PageLink to={to(row.digest)}>
              {row.platform ?? (content?.configuration && platformOf(content.configuration)) ?? shortDigest(row.digest)}
            </PageLink>
          ),
          isRowHeader: true,
          minWidth: 130,
        },
        { id: 'digest', header: m.digest, cell: ({ row }) => <Digest digest={row.digest} />, minWidth: 270 },
        { id: 'size', header: m.size, cell: ({ row }) => format.bytes(row.size), minWidth: 100 },
        {
          id: 'layers',
          header: c.layerCount,
          cell: ({ content }) =>
            content ? `${format.number(content.layerCount)} (${format.bytes(sizeOf(content.layers))})` : '–',
          minWidth: 130,
        },
        {
          id: 'created',
          header: c.created,
          cell: ({ content }) =>
            content?.configuration?.createdAt === undefined ? '–' : format.dateTime(content.configuration.createdAt),
          minWidth: 170,
        },
        ...different.map(({ field }, i) => ({
          id: field,
          header: c[field],
          cell: ({ content, own }: Platform) =>
            own[i]!.length > 0 ? (
              <Visible text={own[i]!.join('\n')} />
            ) : (
              <Box color="text-status-inactive">{content ? '–' : shell.loading}</Box>
            ),
          minWidth: 220,
        })),
      ]}
    />
  );
}

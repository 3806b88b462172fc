import type { TableProps } from '@cloudscape-design/components/table';

import type { LifecyclePreviewImage } from '../../../api/twinport';
import { PageLink } from '../../../app/PageLink';
import { useRegistry } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { shortDigest } from '../images/kind';
import { imagePath } from '../images/path';

/** Rows show so many tags of an image; its page shows more. */
const shownTags = 3;

type Image = Omit<LifecyclePreviewImage, 'action'>;

/** The columns of images that a policy has found. */
export function useImageColumns<Row extends Image>(repositoryName: string): TableProps.ColumnDefinition<Row>[] {
  const m = useMessages().lifecycle;
  const format = useFormat();
  const registry = useRegistry();
  return [
    {
      id: 'image',
      header: m.image,
      cell: ({ imageDigest, imageTags }) => {
        const tags = imageTags.slice(0, shownTags);
        return (
          <>
            <PageLink to={imagePath(registry, repositoryName, imageDigest)}>
              {tags.length > 0 ? tags.join(', ') : shortDigest(imageDigest)}
            </PageLink>{' '}
            {imageTags.length === 0
              ? `(${m.untagged})`
              : imageTags.length > shownTags && m.moreTags(imageTags.length - shownTags)}
          </>
        );
      },
      isRowHeader: true,
      minWidth: 180,
    },
    { id: 'pushed', header: m.pushedAt, cell: (image) => format.dateTime(image.imagePushedAt), minWidth: 170 },
    { id: 'size', header: m.size, cell: (image) => format.bytes(image.imageSizeInBytes), minWidth: 100 },
  ];
}

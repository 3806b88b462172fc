import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { ecr } from '../../../api/client';
import type { Repository } from '../../../api/ecr';
import { useNotify } from '../../../app/notifications';
import { Problem } from '../../../app/Problem';
import { readKey, useReread } from '../../../app/queries';
import { useRegistry } from '../../../app/registry';
import { useMessages, type Messages } from '../../../i18n';
import { useFormat, type Format } from '../../../i18n/format';
import { batches, dangling, outcomes, partsOf, planDeletion, remains, type Outcome } from './deletion';
import { detailsOf } from './details';
import { shortDigest } from './kind';
import type { ImageRow } from './rows';

/** So many are named; the rest is counted. */
const named = 20;

interface Props {
  repository: Repository;
  selected: ImageRow[];
  /** Called with the digests of what is gone now. */
  onClose: (gone: Set<string>) => void;
}

/** Shows what deleting the images takes along, deletes, and says for each how it went. */
export function DeleteImagesDialog({ repository, selected, onClose }: Props) {
  const { images: m, shell } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const { repositoryName } = repository;
  const [asked] = useState(selected); // what is shown is what is deleted, whatever comes in meanwhile
  const [withChildren, setWithChildren] = useState(true);
  const [withReferrers, setWithReferrers] = useState(true);
  const [done, setDone] = useState<Outcome[]>([]);
  const parts = partsOf(asked);
  const details = useQuery({
    queryKey: readKey(registry, 'ImageParts', { repositoryName, parts }),
    queryFn: ({ signal }) => detailsOf(registry, repositoryName, parts, signal),
    enabled: done.length === 0,
  });
  const plan = planDeletion(asked, details.data ?? new Map(), withChildren);
  const images = [...plan.images, ...(withChildren ? plan.children : [])].map((row) => row.digest);
  const count = images.length + (withReferrers ? plan.referrers.length : 0);
  const gone = () => new Set(done.filter((o) => !remains(o)).map((o) => o.digest));
  const attempt = useMutation({
    mutationFn: async () => {
      // What was deleted before the line was cut is not asked for again.
      let ended = done.filter((o) => !remains(o));
      const remove = async (wanted: string[]) => {
        for (const digests of batches(wanted.filter((digest) => !ended.some((o) => o.digest === digest)))) {
          const answer = await ecr(registry, 'BatchDeleteImage', {
            repositoryName,
            imageIds: digests.map((imageDigest) => ({ imageDigest })),
          });
          ended = [...ended, ...outcomes(digests, answer)];
          setDone(ended);
        }
      };
      await remove(images);
      if (withReferrers) {
        // The server may have refused an image: what refers to it stays, too.
        const gone = new Set(ended.filter((o) => !remains(o)).map((o) => o.digest));
        await remove(dangling(plan.referrers, details.data ?? new Map(), gone).map((row) => row.digest));
      }
      return ended;
    },
    onSuccess: (ended) => {
      const failed = ended.filter(remains).length;
      if (failed === 0) {
        notify({ type: 'success', header: m.deleted(ended.length), id: 'images-deleted' });
        onClose(new Set(ended.map((o) => o.digest)));
      }
    },
    onSettled: () => reread(registry, 'FindImages'),
  });
  const failed = done.filter(remains);
  const ended = attempt.isSuccess && failed.length > 0;
  const close = () => onClose(gone());
  return (
    <Modal
      visible
      size="large"
      header={m.deleteTitle(asked.length)}
      onDismiss={close}
      closeAriaLabel={shell.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant={ended ? 'primary' : 'link'} onClick={close}>
              {ended ? shell.close : shell.cancel}
            </Button>
            {!ended && (
              <Button
                variant="primary"
                disabled={!details.data}
                loading={attempt.isPending}
                loadingText={m.deleting(done.length, count)}
                onClick={() => attempt.mutate()}
              >
                {m.delete}
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      {ended ? (
        <SpaceBetween size="m">
          <Alert type="error">{m.deletedPartly(done.length - failed.length, failed.length)}</Alert>
          <ul>
            {failed.map((o) => (
              <li key={o.digest}>
                <code>{shortDigest(o.digest)}</code>: {m.failures[o.failureCode!] ?? o.failureReason}
                {m.failures[o.failureCode!] && (
                  <Box color="text-body-secondary" fontSize="body-s">
                    {o.failureReason}
                  </Box>
                )}
              </li>
            ))}
          </ul>
        </SpaceBetween>
      ) : (
        <SpaceBetween size="m">
          <Alert type="warning">{m.deleteAdvice}</Alert>
          <Problem error={attempt.error} />
          <Images rows={plan.images} />
          {plan.refused.length > 0 && (
            <Alert type="error" header={m.willRefuse}>
              <ul>
                {plan.refused.slice(0, named).map(({ image, index }) => (
                  <li key={image.key}>
                    <code>{shortDigest(image.digest)}</code> ({m.namedBy(shortDigest(index))})
                  </li>
                ))}
              </ul>
            </Alert>
          )}
          {details.isPending && parts.length > 0 && !details.failureReason && (
            <StatusIndicator type="loading">{m.lookingUp}</StatusIndicator>
          )}
          {!details.data && <Problem error={details.error ?? details.failureReason} />}
          {plan.children.length > 0 && (
            <Checkbox
              checked={withChildren}
              onChange={({ detail }) => setWithChildren(detail.checked)}
              description={m.childrenHint}
            >
              {m.childrenToo(plan.children.length)}: {partNames(plan.children, m, format)}
            </Checkbox>
          )}
          {plan.referrers.length > 0 && (
            <Checkbox
              checked={withReferrers}
              onChange={({ detail }) => setWithReferrers(detail.checked)}
              description={m.referrersHint}
            >
              {m.referrersToo(plan.referrers.length)}: {partNames(plan.referrers, m, format)}
            </Checkbox>
          )}
          {plan.tagged.length > 0 && (
            <div>
              {m.taggedStay} {format.list(plan.tagged.slice(0, named))}{' '}
              {plan.tagged.length > named && m.andOthers(plan.tagged.length - named)}
            </div>
          )}
        </SpaceBetween>
      )}
    </Modal>
  );
}

function Images({ rows }: { rows: ImageRow[] }) {
  const m = useMessages().images;
  const format = useFormat();
  return (
    <ul>
      {rows.slice(0, named).map((row) => (
        <li key={row.key}>
          {m.kinds[row.kind]} <code>{shortDigest(row.digest)}</code> {row.platform && `(${row.platform})`}{' '}
          {row.role === 'image' && tagsText(row, m, format)}
        </li>
      ))}
      {rows.length > named && <li>{m.andOthers(rows.length - named)}</li>}
    </ul>
  );
}

/** Which tags go with an image, in words. */
function tagsText({ tags, tagCount }: ImageRow, m: Messages['images'], format: Format): string {
  if (tagCount === 0) {
    return m.hasNoTag;
  }
  if (tagCount === 1) {
    return m.takesTag(tags[0]!);
  }
  const shown = tags.slice(0, named);
  return tagCount > shown.length
    ? m.takesMoreTags(shown.join(', '), tagCount - shown.length)
    : m.takesTags(format.list(shown));
}

/** What the parts are: platforms, or kinds. */
function partNames(parts: ImageRow[], m: Messages['images'], format: Format): string {
  const names = parts.map((row) =>
    row.role === 'child' && row.platform && row.kind !== 'attestation' ? row.platform : m.kinds[row.kind],
  );
  return format.list([...new Set(names)].slice(0, named));
}

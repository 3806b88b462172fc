import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { useStorage } from '../../parts/storage/useStorage';

/** What the repository has stored, in one line. */
export function StoredText({ repositoryName }: { repositoryName: string }) {
  const m = useMessages().storage;
  const format = useFormat();
  const { data } = useStorage([repositoryName]);
  const stored = data?.repositories?.find((r) => r.repositoryName === repositoryName);
  if (!stored || data?.countedAt === undefined) {
    return data?.counting ? m.counting : null;
  }
  return (
    <span title={m.asOf(format.dateTime(data.countedAt))}>
      {m.inRepository(format.bytes(stored.sizeInBytes), m.imageCount(stored.imageCount))}
    </span>
  );
}

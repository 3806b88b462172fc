import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Mutability } from './mutability';

/** Which tags may be moved, in a few words. */
export function MutabilityText({ mutability: { base, exclusions } }: { mutability: Mutability }) {
  const m = useMessages().repositories;
  const format = useFormat();
  const setting = base === 'MUTABLE' ? m.mutable : m.immutable;
  return <>{exclusions.length > 0 ? m.except(setting, format.list(exclusions)) : setting}</>;
}

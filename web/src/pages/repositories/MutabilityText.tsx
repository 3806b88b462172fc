import type { Repository } from '../../api/ecr';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { mutabilityOf } from './mutability';

export function MutabilityText({ repository }: { repository: Repository }) {
  const m = useMessages().repositories;
  const format = useFormat();
  const { base, exclusions } = mutabilityOf(repository);
  const setting = base === 'MUTABLE' ? m.mutable : m.immutable;
  return <>{exclusions.length > 0 ? m.except(setting, format.list(exclusions)) : setting}</>;
}

import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import type { Fields } from './document';

/** Says in words what a rule does. */
export function useSentence(): (fields: Fields) => string {
  const m = useMessages().lifecycle;
  const format = useFormat();
  return ({ tagStatus, list, tags, countType, countNumber, action, unsigned, sinceTagged, sincePulled }) => {
    const named = tags.filter((tag) => tag !== '').map((tag) => (list === 'tagPrefixList' ? `${tag}…` : tag));
    if (!tagStatus || !countType || !countNumber || !action || (tagStatus === 'tagged' && named.length === 0)) {
      return m.incomplete;
    }
    return m.sentence(
      m.about(tagStatus, format.list(named), unsigned),
      m.does(action, countType, countNumber),
      m.keeps(sinceTagged, sincePulled),
    );
  };
}

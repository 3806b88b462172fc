import Spinner from '@cloudscape-design/components/spinner';
import { useQuery } from '@tanstack/react-query';

import { twinport } from '../../api/client';
import { readKey, type Reads } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';

/** Names that are shown; the others are counted. */
const shown = 5;
/** Repositories that are counted. */
const counted = 100;

/** Which repositories begin with the prefix now, or all that there are; it follows the registry. */
export function MatchingRepositories({ prefix }: { prefix?: string }) {
  const m = useMessages().replication;
  const f = useFormat();
  const registry = useRegistry();
  const input: Reads['MatchingRepositories'] = { maxResults: counted, ...(prefix ? { startsWith: prefix } : {}) };
  const { data, isError } = useQuery({
    queryKey: readKey(registry, 'MatchingRepositories', input),
    queryFn: ({ signal }) => twinport(registry, 'FindRepositories', input, signal),
  });
  if (!data) {
    return isError ? null : (
      <span>
        <Spinner /> {m.searching}
      </span>
    );
  }
  const names = data.repositories.map((r) => r.repositoryName);
  if (names.length === 0) {
    return <span>{prefix ? m.matchesNone : m.noRepositories}</span>;
  }
  const listed = names.slice(0, shown);
  if (data.nextToken) {
    listed.push(m.andMore);
  } else if (names.length > shown) {
    listed.push(m.andOthers(f.number(names.length - shown)));
  }
  const count = f.number(names.length);
  return (
    <span style={{ overflowWrap: 'anywhere' }}>
      {m.matches(data.nextToken ? m.matchesMore(count) : count, f.list(listed))}
    </span>
  );
}

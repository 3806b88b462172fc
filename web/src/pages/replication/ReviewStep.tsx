import Alert from '@cloudscape-design/components/alert';
import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';

import type { ReplicationRule } from '../../api/ecr';
import { Problem } from '../../app/Problem';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { groupedAccount, useFormat } from '../../i18n/format';
import { useDestinationChecks } from '../../parts/destinations/destinationChecks';
import { Destinations } from './Destinations';
import type { Changes } from './form';
import { MatchingRepositories } from './MatchingRepositories';

/** What saving the rules will do, in words, and what is missing for it. */
export function ReviewStep({ changes, error }: { changes: Changes; error: unknown }) {
  const m = useMessages().replication;
  const checks = useDestinationChecks(changes.rules.map((c) => c.rule));
  const sentence = useSentence();
  const same = changes.removed.length === 0 && changes.rules.every((c) => c.change === 'none');
  return (
    <SpaceBetween size="l">
      {error ? (
        <div role="group" aria-label={m.saveFailed}>
          <Problem error={error} />
        </div>
      ) : null}
      <Alert type="info">{same ? m.reviewSame : changes.rules.length > 0 ? m.reviewOn : m.reviewOff}</Alert>
      {changes.rules.map(({ rule, change, before }, index) => (
        <Container
          key={index}
          header={
            <Header variant="h2" info={<Badge color={change === 'none' ? 'grey' : 'blue'}>{m.changes[change]}</Badge>}>
              {m.rule(index + 1)}
            </Header>
          }
        >
          <SpaceBetween size="m">
            <div>
              <Box variant="p">{sentence(rule)}</Box>
              {before && (
                <Box color="text-body-secondary">
                  {m.before} <s>{sentence(before)}</s>
                </Box>
              )}
              <Box color="text-body-secondary" fontSize="body-s">
                {rule.repositoryFilters?.length ? (
                  rule.repositoryFilters.map(({ filter }) => (
                    <div key={filter}>
                      <Box variant="code">{filter}</Box> <MatchingRepositories prefix={filter} />
                    </div>
                  ))
                ) : (
                  <MatchingRepositories />
                )}
              </Box>
            </div>
            <Destinations destinations={rule.destinations} check={checks[index]!} label={m.destinationsOf(index + 1)} />
          </SpaceBetween>
        </Container>
      ))}
      {changes.removed.length > 0 && (
        <Container
          header={
            <Header variant="h2" description={m.removedRulesAdvice}>
              {m.removedRules}
            </Header>
          }
        >
          <ul style={{ margin: 0, paddingInlineStart: 20 }}>
            {changes.removed.map((rule, index) => (
              <li key={index}>
                <s>{sentence(rule)}</s>
              </li>
            ))}
          </ul>
        </Container>
      )}
    </SpaceBetween>
  );
}

/** Says a rule as a sentence. */
function useSentence(): (rule: ReplicationRule) => string {
  const m = useMessages().replication;
  const f = useFormat();
  const registry = useRegistry();
  return (rule) => {
    const places = rule.destinations.map((d) => {
      const session = registry.sessions.find((s) => s.accountId === d.registryId);
      const account = groupedAccount(d.registryId) + (session ? ` (${session.accountName})` : '');
      return d.registryId === registry.account ? m.sentenceOwn(d.region) : m.sentencePlace(account, d.region);
    });
    const filters = rule.repositoryFilters ?? [];
    const repositories = filters.length > 0 ? m.sentenceSome(f.either(filters.map((r) => r.filter))) : m.sentenceAll;
    const sentence = rule.deleteReplication?.enabled ? m.sentenceWithDeletions : m.sentence;
    return sentence(repositories, f.list(places));
  };
}

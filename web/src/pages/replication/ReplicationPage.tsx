import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import type { ReplicationRule } from '../../api/ecr';
import { PageButton } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { pagePath, useECR, useRegistry } from '../../app/registry';
import { Waiting } from '../../app/Waiting';
import { useMessages } from '../../i18n';
import { useDestinationChecks, type RuleCheck } from '../../parts/destinations/destinationChecks';
import { useBackfills } from './backfill';
import { Backfills } from './Backfills';
import { Destinations } from './Destinations';
import { maxRules } from './form';
import { MatchingRepositories } from './MatchingRepositories';
import { RemoveRule } from './RemoveRule';

/** The replication rules of the registry, whether their destinations allow them, and its backfills. */
export function ReplicationPage() {
  const m = useMessages().replication;
  const registry = useRegistry();
  const edit = pagePath(registry, 'replication/edit');
  const { data, error, failureReason, refetch } = useECR('DescribeRegistry', {});
  const rules = data?.replicationConfiguration.rules ?? [];
  const checks = useDestinationChecks(rules);
  const began = useBackfills().data?.backfills.length ?? 0;
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={m.description}
          actions={
            rules.length > 0 && (
              <SpaceBetween direction="horizontal" size="xs">
                <PageButton to={`${edit}?rule=new`} disabled={rules.length >= maxRules}>
                  {m.addRule}
                </PageButton>
                <PageButton to={edit} variant="primary">
                  {m.edit}
                </PageButton>
              </SpaceBetween>
            )
          }
        >
          {m.title}
        </Header>
      }
    >
      {!data ? (
        <Waiting error={error ?? failureReason} />
      ) : (
        <SpaceBetween size="l">
          {error && <Problem error={error} onRetry={() => void refetch()} />}
          {rules.length === 0 && <NoRules edit={edit} />}
          {rules.map((rule, index) => (
            <Rule key={index} rule={rule} number={index + 1} check={checks[index]!} />
          ))}
          {(rules.length > 0 || began > 0) && <Backfills />}
        </SpaceBetween>
      )}
    </ContentLayout>
  );
}

function NoRules({ edit }: { edit: string }) {
  const m = useMessages().replication;
  return (
    <Container>
      <Box textAlign="center" padding={{ vertical: 'xl' }}>
        <SpaceBetween size="m">
          <div>
            <Box variant="h2">{m.noRules}</Box>
            <Box variant="p" color="text-body-secondary">
              {m.noRulesAdvice}
            </Box>
          </div>
          <PageButton to={edit} variant="primary">
            {m.setUp}
          </PageButton>
        </SpaceBetween>
      </Box>
    </Container>
  );
}

function Rule({ rule, number, check }: { rule: ReplicationRule; number: number; check: RuleCheck }) {
  const m = useMessages();
  const registry = useRegistry();
  const [removing, setRemoving] = useState(false);
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <PageButton
                to={pagePath(registry, `replication/edit?rule=${number}`)}
                ariaLabel={m.replication.editRule(number)}
              >
                {m.replication.edit}
              </PageButton>
              <Button ariaLabel={m.replication.removeRule(number)} onClick={() => setRemoving(true)}>
                {m.shell.remove}
              </Button>
            </SpaceBetween>
          }
        >
          {m.replication.rule(number)}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <div>
          <Box variant="h3">{m.replication.filters}</Box>
          <Filters rule={rule} />
        </div>
        <div>
          <Box variant="h3">{m.replication.destinations}</Box>
          <Destinations destinations={rule.destinations} check={check} label={m.replication.destinationsOf(number)} />
        </div>
        <div>
          <Box variant="h3">{m.replication.deletions}</Box>
          <div>{rule.deleteReplication?.enabled ? m.replication.deletionsOn : m.replication.deletionsOff}</div>
        </div>
      </SpaceBetween>
      {removing && <RemoveRule rule={rule} number={number} onClose={() => setRemoving(false)} />}
    </Container>
  );
}

/** Which repositories a rule is for. */
export function Filters({ rule }: { rule: ReplicationRule }) {
  const m = useMessages().replication;
  const filters = rule.repositoryFilters ?? [];
  if (filters.length === 0) {
    return (
      <>
        <div>{m.allRepositories}</div>
        <Box color="text-body-secondary" fontSize="body-s">
          <MatchingRepositories />
        </Box>
      </>
    );
  }
  return (
    <>
      <div>{m.startingWith}</div>
      <SpaceBetween size="xxs">
        {filters.map(({ filter }, index) => (
          <div key={filter}>
            {index > 0 && `${m.or} `}
            <Box variant="code">{filter}</Box>
            <Box color="text-body-secondary" fontSize="body-s">
              <MatchingRepositories prefix={filter} />
            </Box>
          </div>
        ))}
      </SpaceBetween>
    </>
  );
}

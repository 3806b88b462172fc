import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { PageButton } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { pagePath, useRegistry, useTwinport } from '../../app/registry';
import { Waiting } from '../../app/Waiting';
import { useMessages } from '../../i18n';
import { usePeers } from '../../parts/peers/usePeers';
import { PeerProblems } from './PeerProblems';
import { PeersTable } from './PeersTable';
import { RouteMap } from './RouteMap';
import { ThisDeployment } from './ThisDeployment';

/** This deployment and those that it replicates with, and who replicates where. */
export function DeploymentsPage() {
  const m = useMessages().deployments;
  const registry = useRegistry();
  const { data, error, failureReason, refetch } = usePeers({ follow: true });
  const { data: deployment } = useTwinport('DescribeDeployment', {});
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={m.description}
          actions={<PageButton to={pagePath(registry, 'deployments/join')}>{m.join}</PageButton>}
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
          <PeerProblems peers={data.peers} />
          <ThisDeployment />
          <PeersTable peers={data.peers} operator={deployment?.operator === true} />
          <RouteMap peers={data.peers} />
        </SpaceBetween>
      )}
    </ContentLayout>
  );
}

import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';

import type { Deployment, Peer } from '../../api/twinport';
import { PageButton } from '../../app/PageLink';
import { pagePath, useRegistry, useTwinport } from '../../app/registry';
import { Waiting } from '../../app/Waiting';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { Command } from '../../parts/commands/Command';
import { usePeers } from '../../parts/peers/usePeers';
import { AccountsField } from './AccountsField';
import { commandsOf, type Inviter, type JoinForm } from './join';
import { MakeCode } from './MakeCode';
import { TakeCode } from './TakeCode';

/** Walks through what makes another deployment a peer: operators do this side's part here, all else is commands. */
export function JoinPage() {
  const m = useMessages().deployments;
  const deployment = useTwinport('DescribeDeployment', {});
  const peers = usePeers({ follow: true });
  const [before, setBefore] = useState<Peer[]>(); // that were there when the page was opened
  if (peers.data && !before) {
    setBefore(peers.data.peers);
  }
  const error = deployment.error ?? deployment.failureReason ?? peers.error ?? peers.failureReason;
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={deployment.data?.operator ? m.joinAdviceOperator : m.joinAdvice}>
          {m.join}
        </Header>
      }
    >
      {!deployment.data || !peers.data || !before ? (
        <Waiting error={error} />
      ) : (
        <Walk
          deployment={deployment.data}
          joined={peers.data.peers.filter((p) => !before.some((b) => b.peerId === p.peerId))}
        />
      )}
    </ContentLayout>
  );
}

function Walk({ deployment, joined }: { deployment: Deployment; joined: Peer[] }) {
  const m = useMessages().deployments;
  const { account } = useRegistry();
  const [form, setForm] = useState<JoinForm>({
    inviter: deployment.deploymentUrl ? 'here' : 'there',
    intoHere: account,
    intoThere: account,
    outbound: !deployment.deploymentUrl,
  });
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{m.what}</Header>}>
        <Choices form={form} set={(change) => setForm({ ...form, ...change })} deployment={deployment} />
      </Container>
      <Container
        header={
          <Header variant="h2" description={m.config}>
            {deployment.operator ? m.steps : m.commands}
          </Header>
        }
      >
        <Steps form={form} deployment={deployment} />
      </Container>
      <Container header={<Header variant="h2">{m.then}</Header>}>
        <Joined joined={joined} />
      </Container>
    </SpaceBetween>
  );
}

function Choices({
  form,
  set,
  deployment: { deploymentName = '', deploymentUrl },
}: {
  form: JoinForm;
  set: (change: Partial<JoinForm>) => void;
  deployment: Deployment;
}) {
  const m = useMessages().deployments;
  return (
    <SpaceBetween size="l">
      <FormField label={m.inviter}>
        <RadioGroup
          value={form.inviter}
          onChange={({ detail }) => set({ inviter: detail.value as Inviter })}
          items={[
            {
              value: 'here',
              label: m.inviterHere(deploymentName),
              description: deploymentUrl ? m.inviterHereAdvice(deploymentUrl) : m.inviterHereWithout,
              disabled: !deploymentUrl,
            },
            { value: 'there', label: m.inviterThere, description: m.inviterThereAdvice },
          ]}
        />
      </FormField>
      <Checkbox
        checked={form.outbound}
        onChange={({ detail }) => set({ outbound: detail.checked })}
        description={m.outboundAdvice}
      >
        {m.outbound}
      </Checkbox>
      <AccountsField label={m.intoHere} value={form.intoHere} onChange={(intoHere) => set({ intoHere })} />
      <AccountsField label={m.intoThere} value={form.intoThere} onChange={(intoThere) => set({ intoThere })} />
    </SpaceBetween>
  );
}

function Steps({
  form,
  deployment: { deploymentName: name = '', operator },
}: {
  form: JoinForm;
  deployment: Deployment;
}) {
  const m = useMessages().deployments;
  const { invite, join, check } = commandsOf(form);
  const here = form.inviter === 'here';
  const steps = [
    here && operator
      ? { text: m.stepMakeCode, direct: <MakeCode key={form.intoHere} accounts={form.intoHere} /> }
      : { text: here ? m.stepInviteHere(name) : m.stepInviteThere, command: invite },
    !here && operator
      ? { text: m.stepTakeCode, direct: <TakeCode accounts={form.intoHere} outbound={form.outbound} /> }
      : { text: here ? m.stepJoinThere : m.stepJoinHere(name), command: join },
    { text: m.stepCheck, command: check },
  ];
  return (
    <SpaceBetween size="m">
      {steps.map(({ text, command, direct }, i) => (
        <div key={text}>
          <Box padding={{ bottom: 'xxs' }}>
            {i + 1}. {text}
          </Box>
          {direct ?? <Command text={command} label={text} />}
        </div>
      ))}
      <Alert type="info">{m.secret}</Alert>
    </SpaceBetween>
  );
}

/** Waits for the deployment, and says what to do with it. */
function Joined({ joined }: { joined: Peer[] }) {
  const m = useMessages().deployments;
  const f = useFormat();
  const registry = useRegistry();
  return (
    <SpaceBetween size="s">
      <div role="status">
        {joined.length === 0 ? (
          <StatusIndicator type="in-progress">{m.waitingForPeer}</StatusIndicator>
        ) : (
          <StatusIndicator>{m.joined(f.list(joined.map((p) => p.name)))}</StatusIndicator>
        )}
      </div>
      <Box color="text-body-secondary">{m.thenAdvice}</Box>
      <SpaceBetween direction="horizontal" size="xs">
        <PageButton to={pagePath(registry, 'replication/edit')}>{m.setUp}</PageButton>
        <PageButton to={pagePath(registry, 'deployments')}>{m.toDeployments}</PageButton>
      </SpaceBetween>
    </SpaceBetween>
  );
}

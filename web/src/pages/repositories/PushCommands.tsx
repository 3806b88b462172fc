import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { ecr } from '../../api/client';
import type { Repository } from '../../api/ecr';
import { Problem } from '../../app/Problem';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { Command } from '../../parts/commands/Command';
import {
  awsLogin,
  curlLogin,
  dockerLogin,
  needsInsecureRegistry,
  passwordOf,
  pushCommands,
  registryHost,
  type Naming,
} from '../../parts/commands/commands';
import { NamingChoice, usePlaceOf } from '../../parts/commands/NamingChoice';
import { CopyButton } from '../../parts/CopyButton';

/** The commands that push an image to the repository, on this server, ready to copy. */
export function PushCommands({ repository, onClose }: { repository: Repository; onClose: () => void }) {
  const { repositories: m, shell } = useMessages();
  const { account } = useRegistry();
  const [naming, setNaming] = useState<Naming>('path');
  const place = usePlaceOf(repository);
  const { build, tag, push } = pushCommands(naming, place);
  const pushing = [
    { text: m.stepBuild, command: build },
    { text: m.stepTag, command: tag },
    { text: m.stepPush, command: push },
  ];
  const withAws = (credentials: string) => (
    <SpaceBetween size="m">
      <Box color="text-body-secondary">{credentials}</Box>
      <Steps steps={[{ text: m.stepLogin, command: awsLogin(naming, place) }, ...pushing]} />
    </SpaceBetween>
  );
  return (
    <Modal
      visible
      size="large"
      header={m.pushTitle(repository.repositoryName)}
      onDismiss={onClose}
      closeAriaLabel={shell.close}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            {shell.close}
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="l">
        <NamingChoice naming={naming} onChange={setNaming} />
        {needsInsecureRegistry(place.origin) && <Alert type="info">{m.insecure(registryHost(naming, place))}</Alert>}
        <Tabs
          tabs={[
            { id: 'posix', label: m.posix, content: withAws(m.credentials(account)) },
            { id: 'windows', label: m.windows, content: withAws(m.credentialsOnWindows(account)) },
            {
              id: 'without-aws',
              label: m.withoutAws,
              content: (
                <SpaceBetween size="m">
                  <div>
                    <Box padding={{ bottom: 'xxs' }}>1. {m.stepLoginPassword}</Box>
                    <SpaceBetween size="xs">
                      <Command text={dockerLogin(naming, place)} label={m.stepLoginPassword} />
                      <Password />
                      <Box color="text-body-secondary">{m.stepLoginCurl}</Box>
                      <Command text={curlLogin(naming, place)} label={m.stepLoginCurl} />
                    </SpaceBetween>
                  </div>
                  <Steps steps={pushing} first={2} />
                </SpaceBetween>
              ),
            },
          ]}
        />
      </SpaceBetween>
    </Modal>
  );
}

function Steps({ steps, first = 1 }: { steps: { text: string; command: string }[]; first?: number }) {
  return (
    <SpaceBetween size="m">
      {steps.map(({ text, command }, i) => (
        <div key={text}>
          <Box padding={{ bottom: 'xxs' }}>
            {first + i}. {text}
          </Box>
          <Command text={command} label={text} />
        </div>
      ))}
    </SpaceBetween>
  );
}

/** A password for docker, made when it is asked for; it is copied, and shown nowhere. */
function Password() {
  const { repositories: m } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const made = useMutation({ mutationFn: () => ecr(registry, 'GetAuthorizationToken', {}), gcTime: 0 });
  const token = made.data?.authorizationData[0];
  return (
    <SpaceBetween size="xs">
      <Problem error={made.error} />
      {token ? (
        <SpaceBetween direction="horizontal" size="s" alignItems="center">
          <CopyButton
            variant="button"
            textToCopy={passwordOf(token.authorizationToken)}
            copyButtonText={m.copyPassword}
            copyButtonAriaLabel={m.copyPassword}
          />
          <Box color="text-body-secondary">{m.passwordUntil(format.dateTime(token.expiresAt))}</Box>
        </SpaceBetween>
      ) : (
        <Button loading={made.isPending} onClick={() => made.mutate()}>
          {m.makePassword}
        </Button>
      )}
    </SpaceBetween>
  );
}

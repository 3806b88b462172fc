import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useState } from 'react';

import type { FoundRepository } from '../../../api/twinport';
import { useMessages } from '../../../i18n';
import { Command } from '../../../parts/commands/Command';
import {
  awsLogin,
  clientLogin,
  imageName,
  pullCommand,
  pullSecret,
  type Client,
  type Naming,
  type Place,
} from '../../../parts/commands/commands';
import { NamingChoice, usePlaceOf } from '../../../parts/commands/NamingChoice';
import { clientsOf } from './kind';
import type { ImageRow } from './rows';

/** How each client fetches the image, by a tag and by its digest. */
export function PullCommands({ repository, row }: { repository: FoundRepository; row: ImageRow }) {
  const { images: m, content: c } = useMessages();
  const [naming, setNaming] = useState<Naming>('path');
  const [chosen, setChosen] = useState<string>();
  const place = usePlaceOf(repository);
  const tag = chosen !== undefined && row.tags.includes(chosen) ? chosen : row.tags[0];
  const tabs = clientsOf(row.kind).map((client) => ({
    id: client,
    label: c.clients[client],
    content: <Commands client={client} naming={naming} place={place} tag={tag} digest={row.digest} />,
  }));
  return (
    <Container header={<Header variant="h2">{m.pull}</Header>}>
      <SpaceBetween size="m">
        <NamingChoice naming={naming} onChange={setNaming} />
        {row.tags.length > 1 && tag !== undefined && (
          <FormField label={c.whichTag}>
            <Select
              selectedOption={{ value: tag }}
              options={row.tags.map((value) => ({ value }))}
              filteringType={row.tags.length > 10 ? 'auto' : 'none'}
              onChange={({ detail }) => setChosen(detail.selectedOption.value)}
            />
          </FormField>
        )}
        {tabs.length > 1 ? <Tabs ariaLabel={m.pull} tabs={tabs} /> : tabs[0]!.content}
      </SpaceBetween>
    </Container>
  );
}

interface CommandsProps {
  client: Client;
  naming: Naming;
  place: Place;
  tag: string | undefined;
  digest: string;
}

function Commands({ client, naming, place, tag, digest }: CommandsProps) {
  const { images: m, content: c } = useMessages();
  const pods = client === 'kubernetes';
  const pull = (reference: string) => pullCommand(client, imageName(naming, place), reference, place.origin);
  const byTag = pods ? c.podByTag : m.pullByTag;
  const byDigest = pods ? c.podByDigest : m.pullByDigest;
  return (
    <SpaceBetween size="m">
      {tag !== undefined && <Labelled label={byTag} text={pull(`:${tag}`)} />}
      <Labelled label={byDigest} text={pull(`@${digest}`)} />
      {client === 'crane' && <Box color="text-body-secondary">{c.craneAdvice}</Box>}
      {pods ? (
        <Labelled label={c.pullSecret} text={pullSecret(naming, place)} />
      ) : (
        <Labelled
          label={c.login}
          text={client === 'docker' ? awsLogin(naming, place) : clientLogin(client, naming, place)}
        />
      )}
    </SpaceBetween>
  );
}

function Labelled({ label, text }: { label: string; text: string }) {
  return (
    <div>
      <Box padding={{ bottom: 'xxs' }}>{label}</Box>
      <Command text={text} label={label} />
    </div>
  );
}

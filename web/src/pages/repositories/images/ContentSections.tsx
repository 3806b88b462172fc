import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import type { ReactNode } from 'react';

import type { ImageConfiguration, ImageContent } from '../../../api/twinport';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { Digest } from './columns';
import { execForm, instruction, platformOf, sizeOf, stepsOf, variableOf, type Step } from './content';
import { Pairs } from './Pairs';
import { useShown } from './useShown';
import { Visible } from './Visible';

/** What an image says of itself: its configuration, its history and layers, its annotations. */
export function ContentSections({ content }: { content: ImageContent }) {
  const { images: m, content: c } = useMessages();
  const annotations = Object.entries(content.annotations).sort();
  const { together, steps, layers } = stepsOf(content);
  const configured = content.configurationStatus !== 'NONE';
  if (!configured && layers.length === 0 && annotations.length === 0) {
    return null; // an index
  }
  return (
    <SpaceBetween size="l">
      {configured && <Configuration content={content} />}
      {together && <Steps title={c.history} content={content} steps={steps} />}
      {layers.length > 0 && <Steps title={m.layers} content={content} steps={layers} />}
      {!together && steps.length > 0 && (
        <Steps title={c.historyOnly} advice={c.historyApart} content={content} steps={steps} />
      )}
      {annotations.length > 0 && (
        <Pairs title={m.annotations} pairs={annotations} names={[m.annotationKey, m.annotationValue]} />
      )}
    </SpaceBetween>
  );
}

function Configuration({ content }: { content: ImageContent }) {
  const c = useMessages().content;
  const { configuration, configurationStatus: status } = content;
  return (
    <Container
      header={
        <Header variant="h2" description={c.configurationAdvice}>
          {c.configuration}
        </Header>
      }
    >
      {configuration ? (
        <Fields configuration={configuration} />
      ) : (
        <SpaceBetween size="xs">
          <StatusIndicator type={status === 'ARTIFACT' ? 'info' : 'warning'} wrapText>
            {c.statuses[status]}
          </StatusIndicator>
          {status === 'INVALID' && <Visible text={content.configurationStatusReason ?? ''} />}
          {status === 'ARTIFACT' && <Visible text={content.config?.mediaType ?? ''} />}
        </SpaceBetween>
      )}
    </Container>
  );
}

function Fields({ configuration }: { configuration: ImageConfiguration }) {
  const { images: m, content: c } = useMessages();
  const format = useFormat();
  const { user, createdAt, author, workingDirectory, stopSignal } = configuration;
  const text = (value: string | undefined, otherwise = c.notSet): ReactNode =>
    value ? <Visible text={value} /> : <Box color="text-status-inactive">{otherwise}</Box>;
  const environment = configuration.environment.map(variableOf);
  const labels = Object.entries(configuration.labels).sort();
  return (
    <SpaceBetween size="l">
      <KeyValuePairs
        columns={3}
        minColumnWidth={240}
        items={[
          { label: m.platform, value: text(platformOf(configuration)) },
          { label: c.created, value: createdAt === undefined ? text('') : format.dateTime(createdAt) },
          { label: c.user, value: text(user, c.userNone) },
          { label: c.entrypoint, value: text(execForm(configuration.entrypoint)) },
          { label: c.command, value: text(execForm(configuration.command)) },
          { label: c.workingDirectory, value: text(workingDirectory) },
          { label: c.exposedPorts, value: text(configuration.exposedPorts.join('\n')) },
          { label: c.volumes, value: text(configuration.volumes.join('\n')) },
          { label: c.stopSignal, value: text(stopSignal) },
          ...(author ? [{ label: c.author, value: <Visible text={author} code={false} /> }] : []),
        ]}
      />
      {configuration.truncated && <StatusIndicator type="warning">{c.truncated}</StatusIndicator>}
      {environment.length > 0 && <Pairs title={c.environment} pairs={environment} names={[c.name, c.value]} embedded />}
      {labels.length > 0 && <Pairs title={c.labels} pairs={labels} names={[c.name, c.value]} embedded />}
    </SpaceBetween>
  );
}

interface StepsProps {
  title: string;
  advice?: string;
  content: ImageContent;
  steps: Step[];
}

/** A table of steps, of layers, or of both together. */
function Steps({ title, advice, content, steps }: StepsProps) {
  const { images: m, content: c } = useMessages();
  const format = useFormat();
  const { shown, more } = useShown(steps);
  const { layers, layerCount } = content;
  const hasSteps = steps.some((s) => s.entry);
  const hasLayers = steps.some((s) => s.layer);
  const description = advice ?? (hasLayers ? c.layersOf(layerCount, format.bytes(sizeOf(layers))) : undefined);
  const cut = hasLayers && layerCount > layers.length;
  return (
    <Table<Step>
      trackBy={(s) => `${s.number}`}
      wrapLines
      items={shown}
      header={
        <Header variant="h2" {...(description ? { description } : {})}>
          {title}
        </Header>
      }
      footer={
        more ?? (cut && <Box color="text-body-secondary">{c.firstLayers(layers.length, layerCount)}</Box>) ?? undefined
      }
      columnDefinitions={[
        {
          id: 'number',
          header: hasSteps ? c.step : c.layer,
          cell: (s) => format.number(s.number),
          isRowHeader: true,
          minWidth: 80,
        },
        ...(hasSteps
          ? [
              {
                id: 'created-by',
                header: c.createdBy,
                cell: ({ entry }: Step) =>
                  entry?.createdBy ? (
                    <Visible text={instruction(entry.createdBy)} />
                  ) : (
                    <Box color="text-status-inactive">
                      {entry?.comment ? <Visible text={entry.comment} /> : c.noCommand}
                    </Box>
                  ),
                minWidth: 280,
              },
              {
                id: 'created',
                header: c.created,
                cell: ({ entry }: Step) => (entry?.createdAt === undefined ? '–' : format.dateTime(entry.createdAt)),
                minWidth: 170,
              },
            ]
          : []),
        ...(hasLayers
          ? [
              {
                id: 'size',
                header: m.size,
                cell: ({ entry, layer }: Step) =>
                  entry?.emptyLayer ? (
                    <Box color="text-status-inactive">{c.emptyLayer}</Box>
                  ) : layer?.layerSizeInBytes === undefined ? (
                    '–'
                  ) : (
                    format.bytes(layer.layerSizeInBytes)
                  ),
                minWidth: 110,
              },
              {
                id: 'digest',
                header: m.digest,
                cell: ({ layer }: Step) => (layer ? <Digest digest={layer.layerDigest} /> : '–'),
                minWidth: 270,
              },
              {
                id: 'type',
                header: m.mediaType,
                cell: ({ layer }: Step) => (layer?.mediaType ? <Visible text={layer.mediaType} code={false} /> : '–'),
                minWidth: 200,
              },
            ]
          : []),
      ]}
    />
  );
}

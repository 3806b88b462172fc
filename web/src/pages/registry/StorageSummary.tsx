import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';

import { Problem } from '../../app/Problem';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { useStorage } from '../../parts/storage/useStorage';

/** How much the registry has stored, where layers count once. */
export function StorageSummary() {
  const { storage: m, shell } = useMessages();
  const format = useFormat();
  const read = useStorage();
  const { registry, countedAt, counting } = read.data ?? {};
  const waiting = read.error ? (
    '–'
  ) : (
    <StatusIndicator type="loading">{counting ? m.counting : shell.loading}</StatusIndicator>
  );
  return (
    <SpaceBetween size="s">
      <Problem error={read.error} />
      <Container
        header={
          <Header variant="h2" description={m.description}>
            {m.title}
          </Header>
        }
      >
        <KeyValuePairs
          columns={4}
          items={[
            { label: m.stored, value: registry ? format.bytes(registry.sizeInBytes) : waiting },
            { label: m.saved, value: registry ? format.bytes(registry.sharedSizeInBytes) : waiting },
            {
              label: `${m.images} / ${m.layers}`,
              value: registry
                ? `${format.number(registry.imageCount)} / ${format.number(registry.layerCount)}`
                : waiting,
            },
            { label: m.countedAt, value: countedAt === undefined ? waiting : format.dateTime(countedAt) },
          ]}
        />
      </Container>
    </SpaceBetween>
  );
}

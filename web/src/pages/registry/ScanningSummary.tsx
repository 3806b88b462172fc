import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { Problem } from '../../app/Problem';
import { useECR } from '../../app/registry';
import { useMessages } from '../../i18n';
import { ScanningDialog } from './ScanningDialog';
import { ScanRules } from './ScanRules';

/** How the registry's images are to be scanned, once something scans them. */
export function ScanningSummary() {
  const { registrySettings: m, shell } = useMessages();
  const [editing, setEditing] = useState(false);
  const { data, error, refetch } = useECR('GetRegistryScanningConfiguration', {});
  const stored = data?.scanningConfiguration;
  return (
    <SpaceBetween size="s">
      <Problem error={error} onRetry={() => void refetch()} />
      <Container
        header={
          <Header
            variant="h2"
            description={m.scanningDescription}
            actions={
              <Button disabled={!stored} ariaLabel={m.editScanning} onClick={() => setEditing(true)}>
                {shell.edit}
              </Button>
            }
          >
            {m.scanning}
          </Header>
        }
      >
        <KeyValuePairs
          columns={2}
          items={[
            { label: m.scanType, value: stored ? m.scanTypes[stored.scanType] : '–' },
            { label: m.scanRules, value: stored ? <ScanRules rules={stored.rules} /> : '–' },
          ]}
        />
      </Container>
      {editing && stored && <ScanningDialog stored={stored} onClose={() => setEditing(false)} />}
    </SpaceBetween>
  );
}

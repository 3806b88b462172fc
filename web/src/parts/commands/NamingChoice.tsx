import Box from '@cloudscape-design/components/box';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import { useId } from 'react';

import type { Repository } from '../../api/ecr';
import { useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import type { Naming, Place } from './commands';

const namings: Naming[] = ['path', 'host', 'login'];

/** Which of the three ways commands name the registry in. */
export function NamingChoice({ naming, onChange }: { naming: Naming; onChange: (naming: Naming) => void }) {
  const m = useMessages().repositories;
  const label = useId();
  return (
    <div>
      <Box variant="awsui-key-label">
        <span id={label}>{m.naming}</span>
      </Box>
      <SegmentedControl
        ariaLabelledby={label}
        selectedId={naming}
        options={namings.map((id) => ({ id, text: m.namings[id] }))}
        onChange={({ detail }) => onChange(detail.selectedId as Naming)}
      />
      <Box color="text-body-secondary" padding={{ top: 'xxs' }}>
        {m.namingHints[naming]} {naming !== 'host' && m.loginsByHost}
      </Box>
    </div>
  );
}

/** What commands need to know of the repository and this server. */
export function usePlaceOf({ repositoryName }: Pick<Repository, 'repositoryName'>): Place {
  const { account, region } = useRegistry();
  const deployment = useTwinport('DescribeDeployment', {});
  return {
    account,
    region,
    repositoryName,
    registryHost: deployment.data?.registryHost ?? '…',
    origin: location.origin,
  };
}

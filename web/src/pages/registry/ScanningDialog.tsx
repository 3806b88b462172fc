import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useRef, useState } from 'react';

import { readRevised, replace } from '../../api/client';
import type { RegistryScanningConfiguration, ScanFrequency, ScanType } from '../../api/ecr';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { ActionDialog } from '../../parts/ActionDialog';
import { ConflictAlert } from '../../parts/saving/ConflictAlert';
import { focusInvalid } from '../../parts/saving/SubmitProblem';
import { useGuardedSave } from '../../parts/saving/useGuardedSave';
import {
  configurationOf,
  droppedBy,
  formOf,
  frequenciesOf,
  placeOf,
  sameScanning,
  scanningValid,
  type FilterRow,
} from './scanning';
import { ScanFilters } from './ScanFilters';
import { ScanRules } from './ScanRules';

/** Edits how the registry's images are to be scanned. */
export function ScanningDialog({ stored, onClose }: { stored: RegistryScanningConfiguration; onClose: () => void }) {
  const { registrySettings: m, repositories, shell } = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const element = useRef<HTMLFormElement>(null);
  const [form, setForm] = useState(() => formOf(stored));
  const [tried, setTried] = useState(false);
  const changed = !sameScanning(configurationOf(form), stored);
  const guard = useGuardedSave({
    stored,
    edited: changed,
    read: async () => {
      const { value, revision } = await readRevised(registry, 'GetRegistryScanningConfiguration', {});
      return { value: value.scanningConfiguration, revision };
    },
    same: sameScanning,
    write: async (wanted: RegistryScanningConfiguration, base) =>
      (await replace(registry, base, 'PutRegistryScanningConfiguration', wanted)).registryScanningConfiguration,
    reread: () => reread(registry, 'GetRegistryScanningConfiguration'),
    onSaved: () => {
      notify({ type: 'success', header: m.scanningSaved, id: 'saved' });
      onClose();
    },
  });
  const refused = guard.error?.message ?? '';
  const place = placeOf(refused, form);
  const refusedAt = (where: string) => (place === where ? refused : undefined);
  const edit = (now: typeof form) => {
    if (guard.error) {
      guard.reset(); // it says where in the form of before something is wrong
    }
    setForm(now);
  };
  const setFilters = (frequency: ScanFrequency, rows: FilterRow[]) =>
    edit({ ...form, filters: { ...form.filters, [frequency]: rows } });
  const save = () => {
    setTried(true);
    if (scanningValid(form)) {
      guard.save(configurationOf(form));
    } else {
      focusInvalid(element.current);
    }
  };
  const disabled = !changed || guard.conflict;
  return (
    <ActionDialog
      header={m.editScanning}
      action={shell.save}
      error={place ? null : guard.error}
      pending={guard.saving}
      disabled={disabled}
      onAction={save}
      onClose={onClose}
    >
      <form
        ref={element}
        onSubmit={(event) => {
          event.preventDefault();
          if (!disabled && !guard.saving) {
            save();
          }
        }}
      >
        <SpaceBetween size="l">
          <ConflictAlert guard={guard} texts={repositories} onTakeStored={() => setForm(formOf(stored))}>
            <div>{m.scanTypes[stored.scanType]}</div>
            <div>
              <ScanRules rules={stored.rules} />
            </div>
          </ConflictAlert>
          <Box color="text-body-secondary">{m.nothingScans}</Box>
          <FormField label={m.scanType} errorText={refusedAt('type')}>
            <RadioGroup
              value={form.type}
              onChange={({ detail }) => edit({ ...form, type: detail.value as ScanType })}
              items={(['BASIC', 'ENHANCED'] as const).map((type) => ({
                value: type,
                label: m.scanTypes[type],
                description: m.scanTypeHints[type],
              }))}
            />
          </FormField>
          {frequenciesOf(form.type).map((frequency) => (
            <ScanFilters
              key={frequency}
              frequency={frequency}
              rows={form.filters[frequency]}
              set={(rows) => setFilters(frequency, rows)}
              tried={tried}
              refusedAt={refusedAt}
            />
          ))}
          {droppedBy(form).map((frequency) => (
            <StatusIndicator key={frequency} type="warning">
              {m.scanRuleDropped(m.scanFrequencies[frequency])}
            </StatusIndicator>
          ))}
        </SpaceBetween>
      </form>
    </ActionDialog>
  );
}

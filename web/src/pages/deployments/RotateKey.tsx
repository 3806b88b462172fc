import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { twinport } from '../../api/client';
import type { Twinport } from '../../api/twinport';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { ActionDialog } from '../../parts/ActionDialog';
import { CopyButton } from '../../parts/CopyButton';

/** Makes a new key of this deployment, once an operator has read what that does. */
export function RotateKey() {
  const m = useMessages().deployments;
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button onClick={() => setAsking(true)}>{m.rotateKey}</Button>
      {asking && <RotateDialog onClose={() => setAsking(false)} />}
    </>
  );
}

function RotateDialog({ onClose }: { onClose: () => void }) {
  const m = useMessages().deployments;
  const f = useFormat();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const rotate = useMutation({
    mutationFn: () => twinport(registry, 'RotatePeerKey', {}),
    onSuccess: async (made) => {
      await reread(registry, 'ListPeers', 'DescribePeers');
      notify({
        type: 'success',
        id: 'rotated',
        header: m.rotated(f.number(made.keyNumber)),
        content: <Rotated made={made} />,
      });
      onClose();
    },
  });
  return (
    <ActionDialog
      header={m.rotateTitle}
      action={m.rotateKey}
      error={rotate.error}
      pending={rotate.isPending}
      onAction={() => rotate.mutate()}
      onClose={onClose}
    >
      <div>{m.rotateAdvice}</div>
      <div>{m.rotateNothingStops}</div>
    </ActionDialog>
  );
}

/** Which peers have taken the new key, and what configurations have to say of it. */
function Rotated({ made }: { made: Twinport['RotatePeerKey']['out'] }) {
  const { deployments: m, shell } = useMessages();
  const f = useFormat();
  const namesOf = (taken: boolean) =>
    made.peers.filter((peer) => (peer.keyNumber === made.keyNumber) === taken).map(({ name }) => name);
  const [took, waiting] = [namesOf(true), namesOf(false)];
  return (
    <SpaceBetween size="xs">
      {took.length > 0 && <div>{m.keyTaken(f.list(took))}</div>}
      {waiting.length > 0 && <div>{m.keyNotTaken(f.list(waiting))}</div>}
      <div>{m.keyInConfigurations}</div>
      <CopyButton
        variant="inline"
        textToCopy={made.deploymentKey}
        textToDisplay={<code style={{ overflowWrap: 'anywhere' }}>{made.deploymentKey}</code>}
        copyButtonAriaLabel={`${shell.copy}: ${m.key}`}
      />
    </SpaceBetween>
  );
}

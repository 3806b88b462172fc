import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ReactNode } from 'react';

import { Problem } from '../app/Problem';
import { useMessages } from '../i18n';

/** A dialog with one action, which may be canceled until it is done. */
export function ActionDialog({
  header,
  action,
  error,
  pending,
  disabled,
  onAction,
  onClose,
  children,
}: {
  header: string;
  /** What the button says. */
  action: string;
  /** Of the last try. */
  error: Error | null;
  pending: boolean;
  disabled?: boolean;
  onAction: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const { shell } = useMessages();
  return (
    <Modal
      visible
      header={header}
      closeAriaLabel={shell.close}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {shell.cancel}
            </Button>
            <Button variant="primary" disabled={disabled} loading={pending} onClick={onAction}>
              {action}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Problem error={error} />
        {children}
      </SpaceBetween>
    </Modal>
  );
}

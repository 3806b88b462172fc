import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useRef, type ReactNode } from 'react';
import { useBlocker, useNavigate } from 'react-router';

import { useMessages } from '../i18n';

interface Unsaved {
  /** The question; the page shows it anywhere in itself. */
  prompt: ReactNode;
  /** Goes to an address without asking, because all is saved or given up. */
  leaveTo: (path: string) => void;
}

/** Asks before the page is left, in the console or out of it, while something in it is not saved. */
export function useUnsaved(unsaved: boolean): Unsaved {
  const m = useMessages().shell;
  const navigate = useNavigate();
  const settled = useRef(false);
  const blocker = useBlocker(
    ({ currentLocation: here, nextLocation: there }) =>
      unsaved && !settled.current && here.pathname + here.search !== there.pathname + there.search,
  );
  useEffect(() => {
    if (!unsaved) {
      return;
    }
    const ask = (event: BeforeUnloadEvent) => {
      if (!settled.current) {
        event.preventDefault();
      }
    };
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [unsaved]);
  const prompt = (
    <Modal
      visible={blocker.state === 'blocked'}
      header={m.unsaved}
      closeAriaLabel={m.close}
      onDismiss={() => blocker.reset?.()}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => blocker.reset?.()}>
              {m.stay}
            </Button>
            <Button variant="primary" onClick={() => blocker.proceed?.()}>
              {m.leave}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      {m.unsavedAdvice}
    </Modal>
  );
  const leaveTo = (path: string) => {
    settled.current = true;
    void navigate(path);
  };
  return { prompt, leaveTo };
}

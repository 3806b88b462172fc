import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useRef, type ReactNode } from 'react';

import type { GuardedSave } from './useGuardedSave';

import './saving.css';

interface Props {
  guard: Pick<GuardedSave<never>, 'conflict' | 'refused' | 'reset' | 'keepMine'>;
  texts: { conflict: string; conflictAdvice: string; takeStored: string; keepMine: string };
  /** Gives up what was edited. */
  onTakeStored: () => void;
  /** What the server has. */
  children?: ReactNode;
}

/**
 * Says that someone else has saved meanwhile, and asks what to do; brought into view when saving was refused for it.
 */
export function ConflictAlert({ guard, texts: m, onTakeStored, children }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const asked = guard.conflict && guard.refused;
  useEffect(() => {
    if (asked) {
      place.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [asked]);
  if (!guard.conflict) {
    return null;
  }
  const takeStored = () => {
    guard.reset();
    onTakeStored();
  };
  return (
    <div ref={place} className="below-bar">
      <Alert
        type="warning"
        header={m.conflict}
        action={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={takeStored}>{m.takeStored}</Button>
            <Button onClick={guard.keepMine}>{m.keepMine}</Button>
          </SpaceBetween>
        }
      >
        {m.conflictAdvice}
        {children}
      </Alert>
    </div>
  );
}

// Saving what was edited, but not over what someone else has saved meanwhile.

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { APIError, type Revised } from '../../api/client';

/** Reads, and returns the revision if that is what the server has: APIError.conflict if it has something else. */
export async function revisionOf<Value>(
  read: () => Promise<Revised<Value>>,
  expected: Value,
  same: (a: Value, b: Value) => boolean,
): Promise<string> {
  const { value, revision } = await read();
  if (!same(value, expected)) {
    throw new APIError('PreconditionFailedException', 'Someone else has saved meanwhile', 412);
  }
  return revision;
}

interface Options<Value, Wanted> {
  /** What the page shows the server to have. */
  stored: Value;
  /** Whether the editor holds something else than that. */
  edited: boolean;
  read: () => Promise<Revised<Value>>;
  same?: (a: Value, b: Value) => boolean;
  /** Replaces what has the revision base, and says what the server has then. */
  write: (wanted: Wanted, base: string) => Promise<Value>;
  /** Has the page read again what the write may have changed. */
  reread: () => Promise<unknown>;
  onSaved: (saved: Value, wanted: Wanted) => void;
}

export interface GuardedSave<Wanted> {
  save: (wanted: Wanted) => void;
  saving: boolean;
  /** Someone else has saved since the edit began: there is a choice to make, and until then nothing is saved. */
  conflict: boolean;
  /** Saving was tried, and found that. */
  refused: boolean;
  /** Any other reason why it is not saved. */
  error: Error | null;
  /** Forgets what the last try came to. */
  reset: () => void;
  /** From now on the edit is one of what the server has now. */
  keepMine: () => void;
}

/**
 * Reads again before it writes: that must be what the edit began with, and the server writes only if it still has the
 * revision that was read.
 */
export function useGuardedSave<Value, Wanted = Value>({
  stored,
  edited,
  read,
  same = Object.is,
  write,
  reread,
  onSaved,
}: Options<Value, Wanted>): GuardedSave<Wanted> {
  const [base, setBase] = useState(stored);
  const moved = !same(stored, base);
  if (moved && !edited) {
    setBase(stored);
  }
  const attempt = useMutation({
    mutationFn: async (wanted: Wanted) => write(wanted, await revisionOf(read, base, same)),
    onSuccess: async (saved, wanted) => {
      await reread();
      setBase(saved);
      onSaved(saved, wanted);
    },
    onError: () => void reread(),
  });
  const refused = attempt.error instanceof APIError && attempt.error.conflict;
  return {
    save: attempt.mutate,
    saving: attempt.isPending,
    conflict: edited && moved && !attempt.isPending,
    refused,
    error: refused ? null : attempt.error,
    reset: attempt.reset,
    keepMine: () => {
      attempt.reset();
      setBase(stored);
    },
  };
}

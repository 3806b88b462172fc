import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { LifecyclePreview } from '../../../api/twinport';
import { readKey } from '../../../app/queries';
import { useRegistry } from '../../../app/registry';
import { useSettled } from '../../../app/settled';
import type { PolicyCheck } from '../../../parts/policy/check';
import { findPreview } from './findPreview';

/** Typing pauses this long before the images are looked through, in milliseconds. */
const pause = 800;

export interface PreviewState {
  /**
   * unchecked: the server has not said yet whether the text is right; wrong: it is not; unasked: it is as it is stored,
   * and nobody has asked for a preview.
   */
  state: 'empty' | 'unchecked' | 'wrong' | 'unasked' | 'finding' | 'found' | 'failed';
  /** Found; while finding, that of the text before. */
  last: LifecyclePreview | undefined;
  error: Error | null;
  /** Has it found, or found again. */
  ask: () => void;
}

/**
 * What a policy's text would do. With follow it is found whenever the text has changed and is right, else when it is
 * asked for: to look at a page begins nothing on the server.
 */
export function usePreview(repositoryName: string, text: string, check: PolicyCheck, follow: boolean): PreviewState {
  const registry = useRegistry();
  const [asked, setAsked] = useState<string>();
  const settled = useSettled(text, pause);
  const right = check.state === 'checked' && check.problems.length === 0;
  const wanted = right && (follow || asked === text);
  const found = useQuery({
    queryKey: readKey(registry, 'LifecyclePreview', { repositoryName, lifecyclePolicyText: text }),
    queryFn: ({ signal }) => findPreview(registry, repositoryName, text, signal),
    enabled: wanted && settled === text,
    staleTime: Infinity, // it is of a moment, and says of which
    refetchOnWindowFocus: false,
    placeholderData: keepPreviousData,
  });
  const stateOf = (): PreviewState['state'] => {
    if (check.state === 'empty') {
      return 'empty';
    }
    if ((wanted && (found.isFetching || settled !== text)) || (follow && check.state === 'checking')) {
      return 'finding';
    }
    if (!right) {
      return check.state === 'checked' ? 'wrong' : 'unchecked';
    }
    if (wanted && found.error) {
      return 'failed';
    }
    return found.data && !found.isPlaceholderData ? 'found' : 'unasked';
  };
  const state = stateOf();
  return {
    state,
    last: state === 'found' || state === 'finding' ? found.data : undefined,
    error: found.error,
    ask: () => (wanted ? void found.refetch() : setAsked(text)),
  };
}

import { useEffect, useState } from 'react';

/**
 * The value once it has not changed for a while, in milliseconds: for questions to the server about what is being
 * typed.
 */
export function useSettled<T>(value: T, pause = 300): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pause);
    return () => clearTimeout(timer);
  }, [value, pause]);
  return settled;
}

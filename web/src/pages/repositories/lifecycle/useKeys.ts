import { useState } from 'react';

let last = 0;

function fresh(count: number): string[] {
  return Array.from({ length: count }, () => `rule${++last}`);
}

/**
 * A key for each item of a list that has none of its own, so that what is shown of an item stays with it when the list
 * is put in another order. Whoever changes the list says so here; what happens to it otherwise, in the text, is taken to
 * be at its end.
 */
export function useKeys(count: number) {
  const [kept, setKept] = useState(() => fresh(count));
  let all = kept;
  if (kept.length !== count) {
    all = kept.length > count ? kept.slice(0, count) : [...kept, ...fresh(count - kept.length)];
    setKept(all);
  }
  return {
    all,
    /** Puts new keys at an index, and returns them. */
    insert: (index: number, added: number): string[] => {
      const keys = fresh(added);
      setKept(all.toSpliced(index, 0, ...keys));
      return keys;
    },
    remove: (index: number) => setKept(all.toSpliced(index, 1)),
    move: (from: number, to: number) => setKept(all.toSpliced(from, 1).toSpliced(to, 0, all[from]!)),
    /** The item at order[i] goes to i. */
    permute: (order: readonly number[]) => setKept(order.map((index) => all[index]!)),
  };
}

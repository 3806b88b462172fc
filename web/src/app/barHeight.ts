// How high the bar is: it stays at the top, and on a phone it has two lines.

import { useSyncExternalStore } from 'react';

let height = 48;
const listeners = new Set<() => void>();

/** In CSS pixels; the style sheets know it as --bar-height. */
export function setBarHeight(pixels: number): void {
  height = pixels;
  document.documentElement.style.setProperty('--bar-height', `${pixels}px`);
  listeners.forEach((listener) => listener());
}

/** In CSS pixels: where a table's sticky header has its place (stickyHeaderVerticalOffset). */
export function useBarHeight(): number {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => height,
  );
}

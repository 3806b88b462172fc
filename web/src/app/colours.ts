// One colour per account, so that nobody edits the wrong one.

import { remember, remembered } from './storage';

/** Dark enough for white text (4.5:1), and told apart by people who see colours differently. */
export const palette = [
  '#0b5cad',
  '#a3410a',
  '#1d7a3a',
  '#7a2b94',
  '#8a1f3d',
  '#00706b',
  '#5c4b00',
  '#4a4f57',
] as const;

/** The account's colour: the first that no other has, kept from then on. */
export function accountColour(account: string): string {
  const kept = readKept();
  let index = kept[account];
  if (index === undefined) {
    const taken = new Set(Object.values(kept));
    index = palette.findIndex((_, i) => !taken.has(i));
    if (index < 0) {
      index = Object.keys(kept).length % palette.length;
    }
    remember('colours', JSON.stringify({ ...kept, [account]: index }));
  }
  return palette[index]!;
}

/** Each known account's index in the palette; whatever else the storage holds is left out. */
function readKept(): Record<string, number> {
  let stored: unknown;
  try {
    stored = JSON.parse(remembered('colours') ?? '{}');
  } catch {
    return {};
  }
  const indices = palette.map((_, i) => i);
  return Object.fromEntries(Object.entries(stored ?? {}).filter(([, index]) => indices.includes(index as number)));
}

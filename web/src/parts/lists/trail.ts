// Where one is in a list that the server pages: its tokens lead forward only,
// so the way that was gone is kept.

/** tokens[i] begins page i + 1; page 0 needs none. */
export interface Trail {
  tokens: string[];
  page: number;
}

export const start: Trail = { tokens: [], page: 0 };

/** The token of the page that is shown. */
export function tokenOf({ tokens, page }: Trail): string | undefined {
  return page === 0 ? undefined : tokens[page - 1];
}

/** How many pages are known; next is the token that the shown page ended with. */
export function pagesOf({ tokens, page }: Trail, next: string | undefined): number {
  return Math.max(tokens.length, page + (next === undefined ? 0 : 1)) + 1;
}

/** Goes to a page, at most one past those that were seen. */
export function goTo({ tokens, page }: Trail, wanted: number, next: string | undefined): Trail {
  if (wanted > page && next !== undefined) {
    // The page that is shown may have changed, and end elsewhere now.
    tokens = [...tokens.slice(0, page), next, ...tokens.slice(page + 1)];
  }
  return { tokens, page: Math.max(0, Math.min(wanted, tokens.length)) };
}

/** What a browser kept of a trail; anything else is the start. */
export function trailOf(kept: unknown): Trail {
  const trail = (kept as { trail?: Partial<Trail> } | null | undefined)?.trail;
  if (
    !trail ||
    !Array.isArray(trail.tokens) ||
    !trail.tokens.every((t) => typeof t === 'string') ||
    !Number.isInteger(trail.page)
  ) {
    return start;
  }
  const { tokens, page } = trail as Trail;
  return page >= 0 && page <= tokens.length ? { tokens, page } : start;
}

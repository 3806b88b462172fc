// What the browser remembers between visits: choices, never secrets.

type Choice = 'language' | 'appearance' | 'registry' | 'colours';

/** A browser may forbid storage; then choices last as long as the page. */
export function remembered(choice: Choice): string | null {
  try {
    return localStorage.getItem(`twinport.${choice}`);
  } catch {
    return null;
  }
}

export function remember(choice: Choice, value: string): void {
  try {
    localStorage.setItem(`twinport.${choice}`, value);
  } catch {
    // not kept
  }
}

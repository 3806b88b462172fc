/** JSON for people: on many lines where it came on one, and no longer than most characters. */
export function readable(json: string, most: number): { shown: string; whole: boolean } {
  let shown = json;
  if (json.length <= most && !json.trim().includes('\n')) {
    try {
      shown = JSON.stringify(JSON.parse(json), null, 2);
    } catch {
      // as it is
    }
  }
  return shown.length <= most ? { shown, whole: true } : { shown: shown.slice(0, most), whole: false };
}

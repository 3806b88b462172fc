// Texts that whoever pushed an image wrote, as they may be shown.

/**
 * What cannot be seen, or makes what is around it look other than it is: control characters, those that reverse the
 * direction of writing, and those without width.
 */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

/** The text with a sign for each character that cannot be seen, but for line breaks and tabs, and no longer than most. */
export function visible(text: string, most = 2000): string {
  const shown = text.length > most ? `${text.slice(0, most)}…` : text;
  return shown.replaceAll(hidden, (character) =>
    '\n\t'.includes(character)
      ? character
      : `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
}

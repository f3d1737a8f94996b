/** What a prompt is, wherever it comes from: one line of plain text that is not too long. */
export const PROMPT_LIMITS = {
  /** Of the text of a whole list, in UTF-16 units. */
  fileCharacters: 16_000_000,
  prompts: 10_000,
  /** Of one prompt; models read 77 tokens, some 300 characters. */
  promptCharacters: 2_000,
} as const;

/** Control characters, half a character, or the mark that a decoder leaves where bytes were not UTF-8. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
export const NOT_TEXT = /[\x00-\x08\x0e-\x1f\x7f\ufffd\p{Surrogate}]/u;

/** Without line ends and blanks around them: a prompt is one line wherever it is shown or written. */
export function toOneLine(text: string): string {
  const lines = splitLines(text).map((line) => line.trim());
  return lines.filter((line) => line !== '').join(' ');
}

/** Lines that end with LF, CRLF or CR. */
export function splitLines(text: string): string[] {
  return text.split(/\r\n|\r|\n/);
}

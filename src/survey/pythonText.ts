/** Text as Python's `repr` writes it: the prompt column of the official methods campaign. */
import { StudioError } from '../lib/errors.ts';

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const UNESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** In single quotes, or in double ones if that saves escaping; what cannot be printed is escaped. */
export function pythonRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  // Python's notion of printable: no control, format, private, unassigned or separating character but the space.
  const escaped = text.replace(/[\\\p{C}\p{Z}]/gu, (character) => {
    if (character === ' ') return character;
    return ESCAPES[character] ?? escapeCode(character.codePointAt(0) ?? 0);
  });
  return quote + escaped.replaceAll(quote, `\\${quote}`) + quote;
}

function escapeCode(code: number): string {
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** The text that `pythonRepr` was given. @throws StudioError `answers-malformed` */
export function parsePythonRepr(literal: string): string {
  const quote = literal[0];
  const body = literal.slice(1, -1);
  if (literal.length < 2 || (quote !== "'" && quote !== '"') || literal.at(-1) !== quote)
    throw malformed(literal);
  const parts = /\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|(.))|([^\\])/gsu;
  let text = '';
  let end = 0;
  for (const match of body.matchAll(parts)) {
    if (match.index !== end || match[5] === quote) throw malformed(literal);
    end += match[0].length;
    const code = match[1] ?? match[2] ?? match[3];
    const plain = match[5] ?? UNESCAPES[match[4] ?? ''];
    if (code === undefined && plain === undefined) throw malformed(literal);
    if (code !== undefined && Number.parseInt(code, 16) > 0x10ffff) throw malformed(literal);
    text += plain ?? String.fromCodePoint(Number.parseInt(code ?? '', 16));
  }
  if (end !== body.length) throw malformed(literal);
  return text;
}

function malformed(literal: string): StudioError {
  return new StudioError('answers-malformed', `${literal.slice(0, 80)} is not text as Python writes it.`, {
    remedy: 'Answer files of the methods campaign have their prompts in quotes inside the cell.',
  });
}

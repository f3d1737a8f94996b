/**
 * Single-byte encodings that UTF-8 is mistaken for. Bytes are strings of characters 0 to 255, on which expressions work.
 * Windows encodings are read sloppily, as old programs do: a byte that means nothing stands for the character of its
 * number, and 0x1a for the replacement character.
 */

export type Encoding = {
  readonly name: string;
  readonly sloppy: boolean;
  /** The 256 characters. */
  readonly characters: readonly string[];
  /** The bytes of a text, or null where it has other characters. */
  encode(text: string): string | null;
};

const CP437 =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀' +
  'αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

const latin1 = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

function encoding(name: string, characters: readonly string[], sloppy: boolean): Encoding {
  const bytes = new Map(characters.map((character, byte) => [character, latin1[byte] as string]));
  return {
    name,
    sloppy,
    characters,
    encode: (text) => {
      let encoded = '';
      for (const character of text) {
        const byte = bytes.get(character);
        if (byte === undefined) return null;
        encoded += byte;
      }
      return encoded;
    },
  };
}

/** By the platform's decoder, byte by byte. */
function known(label: string): Encoding {
  const sloppy = label.startsWith('windows');
  const decoder = new TextDecoder(label);
  const characters = latin1.map((character, byte) => {
    if (sloppy && byte === 0x1a) return '\ufffd';
    const decoded = byte < 0x80 ? character : decoder.decode(Uint8Array.of(byte));
    return decoded === '\ufffd' ? character : decoded;
  });
  return encoding(label, characters, sloppy);
}

/** What it has for the bytes 0x80 to 0x9f; Node 20's decoder reads it as Latin-1. */
const WINDOWS_1252_PUNCTUATION =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

export const WINDOWS_1252 = encoding(
  'windows-1252',
  latin1.map((character, byte) =>
    byte === 0x1a ? '\ufffd' : (WINDOWS_1252_PUNCTUATION[byte - 0x80] ?? character),
  ),
  true,
);

/** Encodings whose upper half looks like Latin-1's: letters from 0xc0 on. */
const LATIN_LIKE: readonly Encoding[] = [
  encoding('latin-1', latin1, false),
  WINDOWS_1252,
  known('windows-1251'),
  known('windows-1250'),
  known('windows-1253'),
  known('windows-1254'),
  known('windows-1257'),
];

/** In the order in which they are tried. */
export const ENCODINGS: readonly Encoding[] = [
  ...LATIN_LIKE,
  known('iso-8859-2'),
  known('macintosh'),
  encoding('cp437', [...latin1.slice(0, 0x80), ...CP437], false),
];

/** A class of an expression: every character that one of these bytes means in an encoding like Latin-1. */
export function charactersOf(...ranges: readonly (readonly [from: number, to: number])[]): string {
  const found = new Set(
    LATIN_LIKE.flatMap(({ characters }) => ranges.flatMap(([from, to]) => characters.slice(from, to + 1))),
  );
  return [...found].map((c) => `\\u{${(c.codePointAt(0) as number).toString(16)}}`).join('');
}

/**
 * Strict UTF-8, or null. Two variants are read too: a zero in two bytes, and characters beyond 0xffff as two surrogates
 * of three bytes each (CESU-8).
 */
export function decodeUtf8(bytes: string): string | null {
  const plain = bytes
    .replaceAll('\u00c0\u0080', '\0')
    .replace(/\u00ed[\u00a0-\u00af][\u0080-\u00bf]\u00ed[\u00b0-\u00bf][\u0080-\u00bf]/g, (pair) => {
      const byte = (i: number): number => pair.charCodeAt(i);
      const high = ((byte(1) & 0x0f) << 16) + ((byte(2) & 0x3f) << 10);
      const character = String.fromCodePoint(0x10000 + high + ((byte(4) & 0x0f) << 6) + (byte(5) & 0x3f));
      return String.fromCharCode(...new TextEncoder().encode(character));
    });
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return decoder.decode(Uint8Array.from(plain, (c) => c.charCodeAt(0)));
  } catch {
    return null;
  }
}

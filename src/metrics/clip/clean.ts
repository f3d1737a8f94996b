/**
 * What CLIP's own tokenizer does to a text first (openai/CLIP simple_tokenizer.py: `ftfy.fix_text`, `html.unescape` twice,
 * white space). The rules of ftfy 6 that change what people write are here; its repair of mojibake is the common case only,
 * a whole text of UTF-8 that was read as windows-1252.
 */
import { decodeHTML } from 'entities';

export function cleanText(text: string): string {
  const fixed = fixText(text.includes('<') ? text : decodeHTML(text));
  return decodeHTML(decodeHTML(fixed)).replace(/\s+/gu, ' ').trim();
}

function fixText(text: string): string {
  const repaired = repairMojibake(text);
  return halfWidth(repaired)
    .replace(/[\u0080-\u009f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80] ?? c)
    .replace(/[\ufb00-\ufb06\u0132\u0133\u0149\u01f1-\u01f3\u01c4-\u01cc]/g, (c) => LIGATURES[c] ?? c)
    .replace(/[\u02bc\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(CONTROL, '')
    .normalize('NFC');
}

/** Terminal escapes, and control characters that no text needs. */
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  /\u001b\[((?:\d|;)*)([a-zA-Z])|[\u0000-\u0008\u000b\u000e-\u001f\u007f\u206a-\u206f\ufeff\ufff9-\ufffb]/g;

const LIGATURES: Readonly<Record<string, string>> = {
  '\u0132': 'IJ',
  '\u0133': 'ij',
  '\u0149': "'n",
  '\u01f1': 'DZ',
  '\u01f2': 'Dz',
  '\u01f3': 'dz',
  '\u01c4': 'D\u017d',
  '\u01c5': 'D\u017e',
  '\u01c6': 'd\u017e',
  '\u01c7': 'LJ',
  '\u01c8': 'Lj',
  '\u01c9': 'lj',
  '\u01ca': 'NJ',
  '\u01cb': 'Nj',
  '\u01cc': 'nj',
  '\ufb00': 'ff',
  '\ufb01': 'fi',
  '\ufb02': 'fl',
  '\ufb03': 'ffi',
  '\ufb04': 'ffl',
  '\ufb05': '\u017ft',
  '\ufb06': 'st',
};

/** Wide Latin letters and narrow katakana become ordinary ones. */
function halfWidth(text: string): string {
  return text.replace(/[\u3000\uff01-\uffef]/g, (c) => c.normalize('NFKC'));
}

/** Characters of the bytes 0x80 to 0x9f; five bytes stand for nothing. */
const WINDOWS_1252 = Array.from(
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
    '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178',
);
const BYTES = new Map(WINDOWS_1252.map((c, i) => [c, 0x80 + i]));

/** Pairs of characters that hardly stand together but where the bytes of UTF-8 were taken for letters. */
const SUSPICIOUS = /[\u00c2\u00c3\u00c4\u00c5\u00c9\u00ce\u00cf\u00d0\u00d1\u00e2\u00e3\u00ef\u00f0][^\s\w]/;

function repairMojibake(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  const bytes: number[] = [];
  for (const c of text) {
    const code = c.codePointAt(0) as number;
    const byte = code < 0x80 || (code >= 0xa0 && code <= 0xff) ? code : BYTES.get(c);
    if (byte === undefined) return text;
    bytes.push(byte);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
  } catch {
    return text;
  }
}

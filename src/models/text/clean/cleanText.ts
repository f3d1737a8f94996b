/**
 * What CLIP does to a text before it is cut into tokens (openai/CLIP, simple_tokenizer.py: `ftfy.fix_text`, then
 * `html.unescape` twice, then white space). transformers' CLIPTokenizer does the same where ftfy is installed.
 */
import { decodeLenient, decodeStrict } from './entities.ts';
import { readControls, repairMojibake } from './mojibake.ts';

/** The text as CLIP reads it, not yet in small letters. */
export function cleanText(text: string): string {
  return decodeLenient(decodeLenient(fixText(text)))
    .replace(WHITE_SPACE, ' ')
    .replace(/^ | $/g, '');
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: to Python they are white space
const WHITE_SPACE = /[\s\u001c-\u001f\u0085]+/g;

/** ftfy's `fix_text` with its ordinary settings, line by line. */
function fixText(text: string): string {
  let escaped = true;
  return (text.match(/[^\n]*\n|[^\n]+/g) ?? [])
    .map((line) => {
      // From the first line on that looks like HTML itself, names of characters are left alone.
      escaped &&= !line.includes('<');
      return fixLine(line, escaped);
    })
    .join('');
}

function fixLine(line: string, escaped: boolean): string {
  let fixed = line.replace(/\p{Surrogate}/gu, '\ufffd');
  for (;;) {
    const before = fixed;
    const repaired = repairMojibake(escaped ? decodeStrict(fixed) : fixed);
    fixed = readControls(repaired)
      .replace(LIGATURE, (c) => LIGATURES[c] as string)
      .replace(/[\u3000\uff01-\uffef]/g, (c) => c.normalize('NFKC'))
      .replace(/[\u201c-\u201f]/g, '"')
      .replace(/[\u02bc\u2018-\u201b]/g, "'")
      .replace(/\r\n|[\r\u2028\u2029\u0085]/g, '\n')
      .replace(TERMINAL_ESCAPE, '')
      .replace(CONTROL, '')
      .normalize('NFC');
    if (fixed === before) return fixed;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is removed
const TERMINAL_ESCAPE = /\u001b\[[\d;]*[a-zA-Z]/g;
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  /[\u0000-\u0008\u000b\u000e-\u001f\u007f\u206a-\u206f\ufeff\ufff9-\ufffc]/g;

/** Latin ligatures and digraphs that are one character for old encodings' sake. */
const LIGATURES: Readonly<Record<string, string>> = {
  Ĳ: 'IJ',
  ĳ: 'ij',
  ŉ: '\u02bcn',
  Ǳ: 'DZ',
  ǲ: 'Dz',
  ǳ: 'dz',
  Ǆ: 'DŽ',
  ǅ: 'Dž',
  ǆ: 'dž',
  Ǉ: 'LJ',
  ǈ: 'Lj',
  ǉ: 'lj',
  Ǌ: 'NJ',
  ǋ: 'Nj',
  ǌ: 'nj',
  ﬀ: 'ff',
  ﬁ: 'fi',
  ﬂ: 'fl',
  ﬃ: 'ffi',
  ﬄ: 'ffl',
  ﬅ: 'ſt',
  ﬆ: 'st',
};
const LIGATURE = new RegExp(`[${Object.keys(LIGATURES).join('')}]`, 'g');

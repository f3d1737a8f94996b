/** HTML's names for characters: strictly as ftfy reads them, and leniently as Python's `html.unescape`. */
import { decodeHTML, decodeHTMLStrict } from 'entities';
import { WINDOWS_1252 } from './encodings.ts';

/**
 * Only what ends in a semicolon. Names of small letters are also read in capitals where these mean nothing else, since
 * texts are sometimes put into capitals after they were escaped.
 */
export function decodeStrict(text: string): string {
  return text.replace(/&#?[0-9A-Za-z]{1,24};/g, (entity) => {
    if (entity.startsWith('&#')) {
      const decoded = decodeLenient(entity);
      return decoded.includes(';') ? entity : decoded;
    }
    const decoded = decodeHTMLStrict(entity);
    if (decoded !== entity) return decoded;
    const small = entity.toLowerCase();
    if (entity !== entity.toUpperCase() || decodeHTML(entity) !== entity) return entity;
    const meaning = decodeHTMLStrict(small);
    return meaning === small ? entity : meaning.toUpperCase();
  });
}

/** As browsers read text: also without the semicolon. */
export function decodeLenient(text: string): string {
  return text.replace(/&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/gu, (entity, name: string) =>
    name.startsWith('#') ? numbered(name) : decodeHTML(entity),
  );
}

function numbered(name: string): string {
  const digits = name.replace(/^#[xX]?|;$/g, '');
  const code = Number.parseInt(digits, /^#[xX]/.test(name) ? 16 : 10);
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return '\ufffd';
  if (code === 0x0d) return '\r';
  if (code >= 0x80 && code <= 0x9f) return WINDOWS_1252.characters[code] as string;
  return isNoCharacter(code) ? '' : String.fromCodePoint(code);
}

/** Controls, and the numbers that Unicode keeps free of characters. */
function isNoCharacter(code: number): boolean {
  const control = code < 0x20 && ![0x09, 0x0a, 0x0c].includes(code);
  return control || code === 0x7f || (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
}

/**
 * Text inside PNG files (PNG specification, section 11.3.3). The settings of an image travel as `parameters`, readable
 * by stable-diffusion-webui and its relatives, and as our own JSON under `mi-tune`.
 */

import { concatBytes } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { inflate } from '../lib/zlib.ts';
import { invalidPng, type PngChunk, readChunks, writeChunks } from './pngChunks.ts';

/** Settings as one line of text, the way stable-diffusion-webui writes them. */
export const PARAMETERS_KEYWORD = 'parameters';
/** Our settings as JSON. */
export const STUDIO_KEYWORD = 'mi-tune';

const MAX_TEXT_BYTES = 16_000_000;
const TEXT_TYPES = ['tEXt', 'zTXt', 'iTXt'];

/**
 * All texts by keyword, the last one where a keyword repeats.
 * @throws StudioError `png-invalid`
 */
export async function readPngText(bytes: Uint8Array, name: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const chunk of readChunks(bytes, name)) {
    if (!TEXT_TYPES.includes(chunk.type)) continue;
    try {
      texts.set(keywordOf(chunk), await decodeText(chunk));
    } catch (cause) {
      throw invalidPng(name, 'a text in it cannot be read', cause);
    }
  }
  return texts;
}

/**
 * The same image with these texts, which replace texts under the same keywords. Latin-1 text is stored as tEXt, other
 * text as iTXt, as Pillow does.
 *
 * @param texts by keyword: 1 to 79 printable Latin-1 characters
 * @throws StudioError `png-invalid`, or `png-text` for a keyword or text that the format cannot hold
 */
export function withPngText(
  bytes: Uint8Array,
  texts: Readonly<Record<string, string>>,
  name: string,
): Uint8Array<ArrayBuffer> {
  const [header, ...others] = readChunks(bytes, name);
  if (!header) throw invalidPng(name, 'it has no header');
  const kept = others.filter(
    (chunk) => !TEXT_TYPES.includes(chunk.type) || !Object.hasOwn(texts, keywordOf(chunk)),
  );
  const added = Object.entries(texts).map(([keyword, text]) => encodeText(keyword, text));
  return writeChunks([header, ...added, ...kept]);
}

function encodeText(keyword: string, text: string): PngChunk {
  if (
    !/^[\x21-\x7e\xa1-\xff]([\x20-\x7e\xa1-\xff]{0,77}[\x21-\x7e\xa1-\xff])?$/.test(keyword) ||
    text.includes('\0')
  ) {
    throw new StudioError('png-text', `The text ${keyword} cannot be stored in an image.`, {
      remedy: 'Keywords have 1 to 79 printable characters; texts must not contain the character NUL.',
      where: keyword,
    });
  }
  const latin1 = toLatin1(text);
  if (latin1) return { type: 'tEXt', data: concatBytes([encodeKeyword(keyword), latin1]) };
  const flags = new Uint8Array(4); // uncompressed, method 0, no language tag, no translated keyword
  return { type: 'iTXt', data: concatBytes([encodeKeyword(keyword), flags, new TextEncoder().encode(text)]) };
}

async function decodeText({ type, data }: PngChunk): Promise<string> {
  const [, afterKeyword] = splitAtZero(data);
  if (type === 'tEXt') return fromLatin1(afterKeyword);
  if (type === 'zTXt')
    return fromLatin1(await inflate(new Uint8Array(afterKeyword.subarray(1)), MAX_TEXT_BYTES));
  const [, afterLanguage] = splitAtZero(afterKeyword.subarray(2));
  const [, text] = splitAtZero(afterLanguage);
  const compressed = afterKeyword[0] === 1;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    compressed ? await inflate(new Uint8Array(text), MAX_TEXT_BYTES) : text,
  );
}

function keywordOf({ data }: PngChunk): string {
  const end = data.indexOf(0);
  return fromLatin1(data.subarray(0, end < 0 ? data.length : end));
}

function encodeKeyword(keyword: string): Uint8Array {
  return Uint8Array.from([...keyword, '\0'], (character) => character.charCodeAt(0));
}

function splitAtZero(data: Uint8Array): [Uint8Array, Uint8Array] {
  const end = data.indexOf(0);
  if (end < 0) throw new Error('a text has no end mark');
  return [data.subarray(0, end), data.subarray(end + 1)];
}

function toLatin1(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return undefined;
    bytes[i] = code;
  }
  return bytes;
}

/** Not `TextDecoder('latin1')`, which the web defines as Windows-1252. */
function fromLatin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

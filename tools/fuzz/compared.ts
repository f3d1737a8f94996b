/** Parsers beside second implementations: what one reads, the other has to read the same. */
import { decodePng } from '../../src/formats/png.ts';
import { parsePromptList } from '../../src/formats/promptList.ts';
import { openSafetensors } from '../../src/formats/safetensors.ts';
import { openZip } from '../../src/formats/zip.ts';
import { bytesSource } from '../../src/lib/bytes.ts';
import type { ClipTokenizer } from '../../src/models/text/tokenizer.ts';
import { type PlainBpe, plainIds } from './second/clipBpe.ts';
import { plainTable } from './second/csv.ts';
import { plainPixels } from './second/png.ts';
import { plainNumber, plainTensors } from './second/safetensors.ts';
import { plainFiles } from './second/zip.ts';
import { Disagreement } from './target.ts';

/** Every tensor with its values as float32. @throws Disagreement */
export async function readSafetensors(input: Uint8Array): Promise<void> {
  const file = await openSafetensors(bytesSource(input, 'input.safetensors'));
  const plain = plainTensors(input);
  agree('names', [...file.entries.keys()].sort(), [...plain.keys()].sort());
  for (const [name, tensor] of plain) {
    const values = await file.readF32(name);
    const { shape } = file.entries.get(name) ?? { shape: [] };
    agree(`shape of ${name}`, shape, tensor.shape);
    const wrong = values.findIndex((value, at) => !Object.is(value, plainNumber(tensor, at)));
    if (wrong >= 0) throw new Disagreement(`${name}[${wrong}] is ${values[wrong]}`);
    const halves = await file.readHalfBits(name);
    if (halves.length !== values.length) throw new Disagreement(`${name} has ${halves.length} halves`);
  }
}

/** @throws Disagreement */
export async function readPng(input: Uint8Array): Promise<void> {
  const { width, height, rgb } = await decodePng(input, 'input.png');
  const plain = plainPixels(input);
  agree('size', [width, height], [plain.width, plain.height]);
  if (Buffer.compare(rgb, plain.rgb) !== 0) throw new Disagreement('other pixels');
}

const ZIP_LIMITS = { maxEntries: 100, maxEntryBytes: 2 ** 20 };

/** @throws Disagreement */
export async function readZip(input: Uint8Array): Promise<void> {
  const archive = await openZip(bytesSource(input, 'input.zip'), ZIP_LIMITS);
  const read = new Map<string, Uint8Array>();
  for (const name of archive.entries.keys()) read.set(name, await archive.read(name));
  const plain = plainFiles(input);
  agree('names', [...read.keys()].sort(), [...plain.keys()].sort());
  for (const [name, bytes] of plain) {
    if (Buffer.compare(read.get(name) ?? new Uint8Array(0), bytes) !== 0)
      throw new Disagreement(`other bytes in ${name}`);
  }
}

/** A table with commas and a first column `prompt`. @throws Disagreement */
export function readCsv(input: Uint8Array): void {
  const text = new TextDecoder().decode(input);
  const prompts = parsePromptList('input.csv', text).prompts.map((prompt) => prompt.text);
  const [header = [], ...rows] = plainTable(text.replace(/^\uFEFF/, ''));
  // Without such a header the reader guesses, which is not compared.
  if (header[0] !== 'prompt' || !/^prompt,/.test(text)) return;
  const oneLine = (field = '') =>
    field
      .split(/\r\n|\r|\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join(' ');
  agree(
    'prompts',
    prompts,
    rows.map(([field]) => oneLine(field)).filter((prompt) => prompt !== ''),
  );
}

/** @throws Disagreement */
export function tokenize(tokenizer: ClipTokenizer, bpe: PlainBpe, input: Uint8Array): void {
  const text = new TextDecoder().decode(input);
  const { ids, used, dropped } = tokenizer.encode(text);
  const plain = plainIds(bpe, text);
  agree('number of tokens', used + dropped, plain.length);
  agree('tokens', ids.slice(1, used + 1), plain.slice(0, used));
}

function agree(what: string, one: unknown, other: unknown): void {
  const [a, b] = [JSON.stringify(one), JSON.stringify(other)];
  if (a !== b) throw new Disagreement(`${what}: ${a?.slice(0, 200)} and ${b?.slice(0, 200)}`);
}

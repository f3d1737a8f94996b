// Files beside what Python's own readers make of them: an implementation that is not ours.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodePng } from '../../../src/formats/png.ts';
import { parsePromptList } from '../../../src/formats/promptList.ts';
import { openSafetensors } from '../../../src/formats/safetensors.ts';
import { openZip } from '../../../src/formats/zip.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import { StudioError } from '../../../src/lib/errors.ts';

type Case = {
  readonly kind: 'zip' | 'csv' | 'safetensors' | 'png';
  /** False for one with some bytes changed, which may be refused. */
  readonly whole: boolean;
  readonly bytes: string;
  /** Missing where Python refuses it. */
  readonly expected?: unknown;
};

const { cases } = JSON.parse(readFileSync('tests/golden/python.json', 'utf8')) as { cases: Case[] };
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const READERS: Readonly<Record<Case['kind'], (bytes: Uint8Array<ArrayBuffer>) => unknown>> = {
  zip: async (bytes) => {
    const archive = await openZip(bytesSource(bytes, 'x.zip'), { maxEntries: 100, maxEntryBytes: 2 ** 20 });
    const read: Record<string, string> = {};
    for (const name of archive.entries.keys()) read[name] = sha(await archive.read(name));
    return read;
  },
  csv: (bytes) => parsePromptList('x.csv', new TextDecoder().decode(bytes)).prompts.map(({ text }) => text),
  safetensors: async (bytes) => {
    const file = await openSafetensors(bytesSource(bytes, 'x.safetensors'));
    const read: Record<string, unknown> = {};
    for (const [name, { shape }] of file.entries)
      read[name] = { shape, values: [...(await file.readF32(name))] };
    return read;
  },
  png: async (bytes) => {
    const { width, height, rgb } = await decodePng(bytes, 'x.png');
    return { width, height, rgb: sha(rgb) };
  },
};

/** Of a table: the prompts, each on one line. */
function promptsOf(cells: readonly string[]): readonly string[] {
  const [, ...rows] = cells.map((cell) =>
    cell
      .split(/\r\n|\r|\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join(' '),
  );
  return rows.filter((prompt) => prompt !== '');
}

describe.each(['zip', 'csv', 'safetensors', 'png'] as const)('%s', (kind) => {
  const own = cases.filter((c) => c.kind === kind);

  test('is read as Python reads it, or refused where it was changed', async () => {
    let read = 0;
    for (const [i, { whole, bytes, expected }] of own.entries()) {
      let found: unknown;
      try {
        found = await READERS[kind](Uint8Array.from(Buffer.from(bytes, 'base64')));
      } catch (error) {
        expect(error, `case ${i}`).toBeInstanceOf(StudioError);
        expect(whole, `case ${i} is refused: ${error}`).toBe(false);
        continue;
      }
      read++;
      expect(expected, `case ${i} is read here and not by Python`).toBeDefined();
      const wanted = kind === 'csv' ? promptsOf(expected as string[]) : expected;
      expect(found, `case ${i}`).toEqual(wanted);
    }
    expect(read).toBeGreaterThanOrEqual(own.filter(({ whole }) => whole).length);
  });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeZip } from 'client-zip';
import { afterEach, expect, test } from 'vitest';
import { unzipAll } from '../../../src/formats/zip.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import { StudioError } from '../../../src/lib/errors.ts';
import { unzip } from '../../../tools/mitune/unzip.ts';

const folder = mkdtempSync(join(tmpdir(), 'studio-unzip-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function zip(files: readonly { name: string; input: string }[]): Promise<Uint8Array> {
  return new Uint8Array(await new Response(makeZip(files)).arrayBuffer());
}

test('what the page packs is unpacked', async () => {
  const bytes = await zip([
    { name: 'images/a.png', input: 'pixels' },
    { name: 'images/b \u00e9.png', input: '' },
    { name: 'metadata.jsonl', input: '{}\n' },
  ]);
  expect(await unzip(bytes, folder)).toEqual(['images/a.png', 'images/b \u00e9.png', 'metadata.jsonl']);
  expect(readFileSync(join(folder, 'images/a.png'), 'utf8')).toBe('pixels');
  expect(readFileSync(join(folder, 'metadata.jsonl'), 'utf8')).toBe('{}\n');
});

test('a view into a larger buffer is read at its own place', async () => {
  const bytes = await zip([{ name: 'a.txt', input: 'a' }]);
  const larger = new Uint8Array(bytes.length + 7);
  larger.set(bytes, 7);
  expect(await unzip(larger.subarray(7), folder)).toEqual(['a.txt']);
});

test('names that leave the folder are refused before anything is written', async () => {
  for (const name of ['../evil.txt', 'a/../../evil.txt', '..\\evil.txt', '/etc/evil', 'C:\\evil']) {
    const bytes = await zip([
      { name: 'good.txt', input: 'a' },
      { name: 'x'.repeat(name.length), input: 'b' },
    ]);
    const renamed = Buffer.from(bytes);
    for (
      let at = renamed.indexOf('x'.repeat(name.length));
      at >= 0;
      at = renamed.indexOf('x'.repeat(name.length))
    ) {
      renamed.write(name, at);
    }
    await expect(unzip(renamed, folder), name).rejects.toThrow('does not stay inside a folder');
    expect(() => readFileSync(join(folder, 'good.txt'))).toThrow();
  }
});

test('other files are refused', async () => {
  const text = new TextEncoder().encode('not a zip file, but long enough');
  await expect(unzip(text, folder)).rejects.toThrow('not a zip');
  await expect(unzip(new Uint8Array(3), folder)).rejects.toThrow('not a zip');
});

test('a damaged archive is refused as such, wherever the damage is', async () => {
  const bytes = await zip([
    { name: 'a.txt', input: 'some text' },
    { name: 'b.txt', input: 'more' },
  ]);
  const limits = { maxEntries: 1e6, maxEntryBytes: 2 ** 40, maxTotalBytes: 2 ** 40 };
  const codeOf = async (damagedBytes: Uint8Array): Promise<string> => {
    try {
      await unzipAll(bytesSource(damagedBytes, 'a.zip'), limits);
      return 'read';
    } catch (error) {
      return error instanceof StudioError ? error.code : String(error);
    }
  };
  const outcomes = new Set<string>();
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      const changed = bytes.slice();
      changed[at] = value;
      outcomes.add(await codeOf(changed));
    }
    outcomes.add(await codeOf(bytes.subarray(0, at)));
  }
  // Fields that nothing reads, such as times, may say what they like.
  expect([...outcomes].toSorted()).toEqual(['read', 'zip-unreadable']);
  const content = bytes.slice();
  content[content.indexOf('s'.charCodeAt(0), 30)] = 0;
  expect(await codeOf(content)).toBe('zip-unreadable');
});

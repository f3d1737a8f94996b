import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeZip } from 'client-zip';
import { afterEach, expect, test } from 'vitest';
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
  expect(unzip(bytes, folder)).toEqual(['images/a.png', 'images/b \u00e9.png', 'metadata.jsonl']);
  expect(readFileSync(join(folder, 'images/a.png'), 'utf8')).toBe('pixels');
  expect(readFileSync(join(folder, 'metadata.jsonl'), 'utf8')).toBe('{}\n');
});

test('a view into a larger buffer is read at its own place', async () => {
  const bytes = await zip([{ name: 'a.txt', input: 'a' }]);
  const larger = new Uint8Array(bytes.length + 7);
  larger.set(bytes, 7);
  expect(unzip(larger.subarray(7), folder)).toEqual(['a.txt']);
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
    expect(() => unzip(renamed, folder), name).toThrow('unsafe name');
    expect(() => readFileSync(join(folder, 'good.txt'))).toThrow();
  }
});

test('other files are refused', () => {
  expect(() => unzip(new TextEncoder().encode('not a zip file, but long enough'), folder)).toThrow(
    'not a zip',
  );
  expect(() => unzip(new Uint8Array(3), folder)).toThrow('not a zip');
});

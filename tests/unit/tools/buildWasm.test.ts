import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compileKernels, KERNELS, kernelsPath } from '../../../tools/buildWasm.mjs';

const names = Object.keys(KERNELS) as (keyof typeof KERNELS)[];
const read = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(kernelsPath(name)));

// The compiler takes seconds, on a busy machine many.
test.each(names)('%s in the repository is what its sources give', { timeout: 120_000 }, async (name) => {
  expect(Buffer.compare(await compileKernels(name), read(name))).toBe(0);
});

test('the kernels import the memory they work on and nothing else', async () => {
  // Node may lack the instructions of the other one, whose sources are the same.
  const module = await WebAssembly.compile(read('kernels.wasm'));
  expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
});

test.each(names)('%s brings nothing that could overwrite the memory it borrows', (name) => {
  // Neither globals (6), tables (4), a start function (8) nor data (11): ids of the sections of the binary format.
  expect(sectionIds(read(name))).not.toEqual(expect.arrayContaining([expect.toBeOneOf([4, 6, 8, 11])]));
});

/** Ids of the sections of a wasm binary, in order. */
function sectionIds(bytes: Uint8Array): number[] {
  const ids: number[] = [];
  let at = 8;
  while (at < bytes.length) {
    ids.push(bytes[at++] as number);
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[at++] as number;
      size += (byte & 127) * 2 ** shift;
      more = byte > 127;
    }
    at += size;
  }
  return ids;
}

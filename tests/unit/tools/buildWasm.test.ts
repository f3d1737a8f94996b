import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compileKernels, KERNELS } from '../../../tools/buildWasm.mjs';

const binary = new Uint8Array(readFileSync(KERNELS));

// The compiler takes seconds, on a busy machine many.
test('the binary in the repository is what its sources give', { timeout: 120_000 }, async () => {
  expect(Buffer.compare(await compileKernels(), binary)).toBe(0);
});

test('the kernels bring nothing that could overwrite the memory they borrow', async () => {
  const module = await WebAssembly.compile(binary);
  expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
  // Neither globals (6), tables (4), a start function (8) nor data (11): ids of the sections of the binary format.
  expect(sectionIds(binary)).not.toEqual(expect.arrayContaining([expect.toBeOneOf([4, 6, 8, 11])]));
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

#!/usr/bin/env node
// npm run build:wasm: compiles wasm/ to wasm/kernels.wasm.

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';
import { ROOT } from './lib/dependencies.mjs';

export const KERNELS = join(ROOT, 'wasm', 'kernels.wasm');

// No runtime, and no memory of its own: the kernels work on the memory of tfjs.
const OPTIONS = ['-O3', '--runtime', 'stub', '--importMemory', '--noAssert', '--enable', 'simd'];
// Vectors do cross the borders of the source files, not those of the module.
const QUIET = ['--disableWarning', '112'];

/**
 * Compiles the kernels.
 * @returns {Promise<Uint8Array>} the binary
 * @throws Error with the compiler's messages
 */
export async function compileKernels() {
  /** @type {Uint8Array | null} */
  let binary = null;
  const target = 'kernels.wasm';
  const { error, stderr } = await asc.main(
    ['index.ts', '--baseDir', dirname(KERNELS), '-o', target, ...OPTIONS, ...QUIET],
    {
      writeFile(name, contents) {
        if (name === target && contents instanceof Uint8Array) binary = contents;
      },
    },
  );
  if (error || binary === null) throw new Error(`The kernels do not compile.\n${stderr}`, { cause: error });
  return binary;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(KERNELS, await compileKernels());
}

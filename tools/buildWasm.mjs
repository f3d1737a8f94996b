#!/usr/bin/env node
// npm run build:wasm: compiles wasm/ to wasm/kernels.wasm and wasm/kernelsFused.wasm.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';
import { ROOT } from './lib/dependencies.mjs';

const SOURCES = join(ROOT, 'wasm');

/** Each binary with what it is compiled with beside the rest: the same sources with rounding twice or once in a product. */
export const KERNELS = {
  'kernels.wasm': [],
  'kernelsFused.wasm': ['--enable', 'relaxed-simd'],
};

/** @param {string} name of a binary */
export const kernelsPath = (name) => join(SOURCES, name);

// No runtime, and no memory of its own: the kernels work on the memory of tfjs, of up to 65536 pages.
const MEMORY = ['--importMemory', '--maximumMemory', '65536'];
const OPTIONS = ['-O3', '--runtime', 'stub', '--noAssert', '--enable', 'simd', ...MEMORY];
// Vectors do cross the borders of the source files, not those of the module.
const QUIET = ['--disableWarning', '112'];

/**
 * Compiles the kernels.
 * @param {keyof typeof KERNELS} target
 * @returns {Promise<Uint8Array>} the binary
 * @throws Error with the compiler's messages
 */
export async function compileKernels(target) {
  /** @type {Uint8Array | null} */
  let binary = null;
  const { error, stderr } = await asc.main(
    ['index.ts', '--baseDir', SOURCES, '-o', target, ...OPTIONS, ...KERNELS[target], ...QUIET],
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
  for (const target of /** @type {(keyof typeof KERNELS)[]} */ (Object.keys(KERNELS)))
    writeFileSync(kernelsPath(target), await compileKernels(target));
}

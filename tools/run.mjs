#!/usr/bin/env node
// Runs a TypeScript tool in node: `node tools/run.mjs FILE.ts args...`. The file may import anything under src/ that
// needs no browser; it sees its own arguments in process.argv, and is finished when its top-level await is.
// `--vite` starts the development server and `--build` makes dist/, both after installing what is missing.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureDependencies, ROOT } from './lib/dependencies.mjs';

const [target, ...rest] = process.argv.slice(2);

try {
  if (!target) throw new Error('Usage: node tools/run.mjs FILE.ts [arguments]');
  ensureDependencies();
  if (target === '--vite') runVite(rest);
  else if (target === '--build') runVite(['build', ...rest]);
  else await runTool(target, rest);
} catch (error) {
  console.error(describe(error));
  process.exitCode = 1;
}

/**
 * Errors with a remedy, and those of a wrong command line, are for the user; others keep their stack.
 * @param {unknown} error
 */
function describe(error) {
  if (!(error instanceof Error)) return error;
  if ('remedy' in error) return `${error.message} ${error.remedy}`;
  const isUsage = 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  return isUsage ? error.message : error;
}

/** @param {string[]} args */
function runVite(args) {
  const bin = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const { status } = spawnSync(process.execPath, [bin, ...args], { cwd: ROOT, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

/**
 * @param {string} file
 * @param {string[]} args
 */
async function runTool(file, args) {
  const path = resolve(file);
  if (!existsSync(path)) throw new Error(`There is no file ${path}.`);
  process.argv = [process.execPath, path, ...args];
  const { runnerImport } = await import('vite');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  await runnerImport(path, {
    root: ROOT,
    logLevel: 'warn',
    define: { __APP_VERSION__: JSON.stringify(version) },
    assetsInclude: ['**/*.safetensors'],
  });
}

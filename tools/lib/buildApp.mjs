// Builds dist/ when it is missing or older than what it is made from.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './dependencies.mjs';

const SOURCES = [
  'index.html',
  'package-lock.json',
  'package.json',
  'public',
  'shaders',
  'src',
  'tsconfig.base.json',
  'tsconfig.json',
  'vite.config.ts',
  'wasm',
];

/** Folder of the built app. */
export const DIST = join(ROOT, 'dist');

/** Builds the app if needed. Vite writes index.html last, so its time is the time of a finished build. */
export function ensureBuild() {
  const index = join(DIST, 'index.html');
  const newest = Math.max(...SOURCES.map((name) => newestTime(join(ROOT, name))));
  if (existsSync(index) && statSync(index).mtimeMs > newest) return;
  console.log('Building the app.');
  const bin = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const { status } = spawnSync(process.execPath, [bin, 'build', '--logLevel', 'warn'], {
    cwd: ROOT,
    // Tests set another, with which React would be built for development: slower, and twice as large.
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The build failed.');
}

/**
 * Time of the last change in a file or folder tree. Folders count too: their time tells of deleted files.
 * @param {string} path
 * @returns {number} milliseconds; 0 if there is no such path
 */
function newestTime(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce(
    (newest, name) => Math.max(newest, newestTime(join(path, name))),
    stat.mtimeMs,
  );
}

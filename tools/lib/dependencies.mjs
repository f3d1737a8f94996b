// Keeps node_modules in step with package-lock.json, so that every command also works on a fresh clone.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the repository, with no trailing slash. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Runs `npm ci` when something that package-lock.json asks for is missing or has another version. */
export function ensureDependencies() {
  if (isInstalled()) return;
  console.log('Installing dependencies (npm ci).');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status } = spawnSync(npm, ['ci', '--include=dev'], {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm ci failed with exit code ${status}.`);
}

/**
 * Compares npm's record of what it installed with the lock file. Contents, not file times: a checkout or a branch
 * switch touches the lock file without changing it. Optional packages are left out: they belong to other platforms.
 */
function isInstalled() {
  const recordPath = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(recordPath)) return false;
  const wanted = readPackages(join(ROOT, 'package-lock.json'));
  const present = readPackages(recordPath);
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional || present[path]?.version === entry.version,
  );
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function readPackages(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
}

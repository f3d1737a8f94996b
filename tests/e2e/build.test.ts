// The same sources give the same bytes, wherever and whenever they are built.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DIST, ensureBuild } from '../../tools/lib/buildApp.mjs';
import { ROOT } from '../../tools/lib/dependencies.mjs';

const elsewhere = mkdtempSync(join(tmpdir(), 'studio another place '));
afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

/** SHA-256 of every file, by path. */
function hashes(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths
      .sort()
      .map((path) => [
        path.slice(folder.length),
        createHash('sha256').update(readFileSync(path)).digest('hex'),
      ]),
  );
}

test('a build in another folder has the same hashes', () => {
  ensureBuild();
  const sources = [
    'index.html',
    'package.json',
    'public',
    'shaders',
    'src',
    'tools',
    'tests',
    'tsconfig.json',
    'wasm',
  ];
  for (const name of [...sources, 'vite.config.ts']) {
    cpSync(join(ROOT, name), join(elsewhere, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(elsewhere, 'node_modules'));
  const bin = join('node_modules', 'vite', 'bin', 'vite.js');
  const { status, stderr } = spawnSync(process.execPath, [bin, 'build', '--logLevel', 'error'], {
    cwd: elsewhere,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8' },
  });
  expect(status, stderr).toBe(0);
  const [here, there] = [hashes(DIST), hashes(join(elsewhere, 'dist'))];
  expect(Object.keys(here).length).toBeGreaterThan(10);
  expect(there).toEqual(here);
});

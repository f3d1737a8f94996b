// The same sources give the same bytes, wherever and whenever they are built.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DIST, ensureBuild } from '../../tools/lib/buildApp.mjs';
import { ROOT } from '../../tools/lib/dependencies.mjs';

// Below the project, where packages are found without a link to them.
mkdirSync(join(ROOT, '.cache'), { recursive: true });
const elsewhere = mkdtempSync(join(ROOT, '.cache', 'another place '));
afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

/** SHA-256 of every file by path, but for maps of sources: these say where packages lie, seen from the build. */
function hashes(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length));
  return Object.fromEntries(
    paths.sort().map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(folder + path))
        .digest('hex'),
    ]),
  );
}

test('a build in another folder, time zone and language has the same hashes', () => {
  ensureBuild();
  const sources = [
    'index.html',
    'package.json',
    'public',
    'shaders',
    'src',
    'tests/helpers',
    'tools',
    'wasm',
  ];
  for (const name of [...sources, 'tsconfig.json', 'vite.config.ts'])
    cpSync(join(ROOT, name), join(elsewhere, name), { recursive: true });
  const bin = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const { status, stderr } = spawnSync(process.execPath, [bin, 'build', '--logLevel', 'error'], {
    cwd: elsewhere,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8' },
  });
  expect(status, stderr).toBe(0);
  const here = hashes(DIST);
  expect(Object.keys(here).length).toBeGreaterThan(10);
  expect(hashes(join(elsewhere, 'dist'))).toEqual(here);
});

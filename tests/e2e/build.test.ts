// The same sources give the same bytes, wherever and whenever they are built, and few of them before the page shows.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from '../../tools/lib/dependencies.mjs';

// Below the project, where packages are found without a link to them.
mkdirSync(join(ROOT, '.cache'), { recursive: true });
const elsewhere = mkdtempSync(join(ROOT, '.cache', 'another place '));
afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

/** SHA-256 of every file by path. Maps say where sources lie, seen from the build: nearer for one of the two. */
function hashes(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length));
  return Object.fromEntries(paths.sort().map((path) => [path, hashOf(folder + path)]));
}

function hashOf(path: string): string {
  const bytes = readFileSync(path);
  const said = path.endsWith('.map') ? bytes.toString().replace(/"(\.\.\/)+/g, '"') : bytes;
  return createHash('sha256').update(said).digest('hex');
}

/** Builds what lies in a folder. @returns hashes of what users get */
function build(folder: string, out: string, timeZone: string): Record<string, string> {
  const bin = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const args = ['build', '--logLevel', 'error', '--outDir', out, '--emptyOutDir'];
  const { status, stderr } = spawnSync(process.execPath, [bin, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TZ: timeZone },
  });
  expect(status, stderr).toBe(0);
  return hashes(out);
}

test('builds in two folders and time zones have the same hashes', () => {
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
  const configs = readdirSync(ROOT).filter((name) => /^tsconfig.*\.json$/.test(name));
  for (const name of [...sources, ...configs, 'vite.config.ts'])
    cpSync(join(ROOT, name), join(elsewhere, name), { recursive: true });
  const here = build(ROOT, join(elsewhere, 'one'), 'UTC');
  expect(Object.keys(here).length).toBeGreaterThan(10);
  expect(build(elsewhere, join(elsewhere, 'two'), 'Asia/Kathmandu')).toEqual(here);
});

test('the page starts with less than 300 KiB, and every method is a file of its own beside it', () => {
  const out = join(elsewhere, 'one');
  const page = readFileSync(join(out, 'index.html'), 'utf8');
  const entry = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map(
    ([, path]) => path ?? '',
  );
  expect(entry.length).toBeGreaterThan(1);
  const sizes = entry.map((path) => gzipSync(readFileSync(join(out, path))).length);
  expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(300 * 1024);
  const assets = readdirSync(join(out, 'assets')).filter((name) => name.endsWith('.js'));
  for (const file of readdirSync(join(ROOT, 'src/methods/code'))) {
    const own = assets.filter((name) => name.startsWith(`${basename(file, '.ts')}-`));
    expect(own.length, file).toBeGreaterThan(0);
    expect(entry.filter((path) => own.some((name) => path.endsWith(name)))).toEqual([]);
  }
});

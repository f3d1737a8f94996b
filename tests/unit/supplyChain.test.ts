// What the project takes from others: known licenses, pinned versions, checked bytes, nothing run while installing.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

type Locked = {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly link?: boolean;
};
type Lock = { readonly lockfileVersion: number; readonly packages: Readonly<Record<string, Locked>> };
type Manifest = Readonly<Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>>;

const read = <T>(path: string): T =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')) as T;
const lock = read<Lock>('package-lock.json');
const manifest = read<Manifest>('package.json');
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

/** Licenses that allow use in a program under the MIT license without conditions on that program itself. */
const ALLOWED = ['MIT', 'Apache-2.0', 'BSD-3-Clause', 'BSD-2-Clause', 'ISC', '0BSD'];
/** For tools that are never part of the page: changes to their own files would have to be published. */
const ALLOWED_IN_TOOLS = [...ALLOWED, 'MPL-2.0'];

/** Parts of an SPDX expression: of `OR` one has to be allowed, of `AND` all. */
function isAllowed(expression: string, allowed: readonly string[]): boolean {
  return expression
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((name) => allowed.includes(name.trim())));
}

test('every package has a license that is allowed where it is used', () => {
  const shipped = shippedPackages();
  const wrong = packages
    .filter(
      ([path, { license = 'none' }]) => !isAllowed(license, shipped.has(path) ? ALLOWED : ALLOWED_IN_TOOLS),
    )
    .map(([path, { license }]) => `${path}: ${license}`);
  expect(wrong).toEqual([]);
});

test('every package is pinned with a hash of its bytes, and comes from a registry', () => {
  expect(lock.lockfileVersion).toBe(3);
  const wrong = packages.filter(
    ([, { version, integrity, resolved, link }]) =>
      link === true ||
      version === undefined ||
      !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '') ||
      !(resolved === undefined || resolved.startsWith('https://')),
  );
  expect(wrong.map(([path]) => path)).toEqual([]);
});

test('what the page is made of has exact versions, and the lock agrees', () => {
  const exact = Object.entries(manifest.dependencies);
  expect(exact.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  const differing = exact.filter(
    ([name, version]) => lock.packages[`node_modules/${name}`]?.version !== version,
  );
  expect(differing).toEqual([]);
  // Types of the platform may follow it; everything else that builds or tests is exact too.
  const ranges = Object.entries(manifest.devDependencies).filter(([, version]) => !/^\d/.test(version));
  expect(ranges.map(([name]) => name)).toEqual(['@types/node']);
});

test('nothing of others runs while it is installed', () => {
  expect(readFileSync(new URL('../../.npmrc', import.meta.url), 'utf8')).toMatch(/^ignore-scripts=true$/m);
});

test('the check of licenses sees what it is meant to see', () => {
  expect(isAllowed('MIT OR GPL-3.0', ALLOWED)).toBe(true);
  expect(isAllowed('(Apache-2.0 AND MIT)', ALLOWED)).toBe(true);
  expect(isAllowed('MIT AND GPL-3.0', ALLOWED)).toBe(false);
  expect(isAllowed('none', ALLOWED_IN_TOOLS)).toBe(false);
  expect(shippedPackages().has('node_modules/react')).toBe(true);
  expect(shippedPackages().has('node_modules/typescript')).toBe(false);
});

/** Lock paths of what the page's own dependencies bring, by the marks that npm leaves. */
function shippedPackages(): ReadonlySet<string> {
  const marked = lock.packages as Readonly<Record<string, Locked & { dev?: boolean; devOptional?: boolean }>>;
  return new Set(
    Object.entries(marked)
      .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
      .map(([path]) => path),
  );
}

// The short form of the kills and the faults of `npm run torture`: the same seeds every time.

import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { DIST, ensureBuild } from '../../tools/lib/buildApp.mjs';
import { serveFolder } from '../../tools/lib/staticServer.mjs';
import { FAULTS, faultCase, makeOtherVersion, OTHER_VERSION } from '../../tools/torture/faults.ts';
import { deedOf, killCase, type Undisturbed } from '../../tools/torture/kills.ts';

/** A run, a download, an import, an export and a migration. */
const KILLS = [0, 3, 4, 5, 6];
const MOST_KILLS = 3;

let other: string;
let server: Awaited<ReturnType<typeof serveFolder>>;
const known: Undisturbed = new Map();
beforeAll(async () => {
  ensureBuild();
  other = makeOtherVersion(packageJson.version);
  server = await serveFolder({ folder: DIST, port: 0, mounts: { [OTHER_VERSION]: other } });
});
afterAll(async () => {
  await server?.close();
  if (other !== undefined) rmSync(other, { recursive: true, force: true });
});

test.each(KILLS.map((seed) => [deedOf(seed).name, seed] as const))(
  'killed in the middle of: %s',
  async (deed, seed) => {
    expect(await killCase(seed, server.url, known, MOST_KILLS)).toMatchObject({ deed, reason: null });
  },
);

const SHORT = FAULTS.map(({ name }, seed) => [name, seed] as const);
test.each(SHORT)('%s', async (fault, seed) => {
  expect(await faultCase(seed, server.url, known)).toMatchObject({ fault, reason: null });
});

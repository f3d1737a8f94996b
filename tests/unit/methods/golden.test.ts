// Fine-tuning methods against numbers of the authors' own code, by the runners of `npm run verify`, on wasm.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runClipText } from '../../../tools/verify/cases/clipText.ts';
import { runDiffusionDpo } from '../../../tools/verify/cases/diffusionDpo.ts';
import { runDpok } from '../../../tools/verify/cases/dpok.ts';
import { runGors } from '../../../tools/verify/cases/gors.ts';
import { runHnItm } from '../../../tools/verify/cases/hnItm.ts';
import { runUnet } from '../../../tools/verify/cases/unet.ts';
import { OracleFiles, parseIndex } from '../../../tools/verify/oracle.ts';
import { Report } from '../../../tools/verify/report.ts';
import golden from '../../golden/tuning/index.json';
import { openNodeWasm } from '../../helpers/nodeStudio.ts';

vi.setConfig({ testTimeout: 120_000 });

const runners: Readonly<Record<string, typeof runUnet>> = {
  unet: runUnet,
  clip_text: runClipText,
  diffusion_dpo: runDiffusionDpo,
  dpok: runDpok,
  gors: runGors,
  hn_itm: runHnItm,
};
const index = parseIndex(golden);
const address = new URL('../../golden/tuning/', import.meta.url).href;

beforeAll(async () => {
  await openNodeWasm();
  // Node fetches no files.
  vi.stubGlobal('fetch', async (file: URL) => new Response(readFileSync(file)));
});
afterAll(() => vi.unstubAllGlobals());

test.each(index.cases.map((entry) => [entry.name, entry] as const))('%s', async (_, entry) => {
  const report = new Report(entry, { factor: 1 });
  await runners[entry.kind]?.(entry, new OracleFiles(address, index, { backend: 'wasm' }), report);
  expect(report.rows.length).toBeGreaterThan(0);
  expect(report.rows.filter((row) => !row.pass)).toEqual([]);
});

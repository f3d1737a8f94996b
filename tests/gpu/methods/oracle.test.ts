// Inference-time methods against numbers of the authors' own code, by the runners of `npm run verify`.

import { expect, it } from 'vitest';
import { runAttendAndExcite } from '../../../tools/verify/cases/attendAndExcite.ts';
import { runSemanticGuidance } from '../../../tools/verify/cases/semanticGuidance.ts';
import { runStructuredGuidance } from '../../../tools/verify/cases/structuredGuidance.ts';
import { runUnet } from '../../../tools/verify/cases/unet.ts';
import { OracleFiles, parseIndex } from '../../../tools/verify/oracle.ts';
import { Report } from '../../../tools/verify/report.ts';
import golden from '../../golden/methods/index.json';
import { onBackends } from '../kernels/harness.ts';

const runners: Readonly<Record<string, typeof runUnet>> = {
  unet: runUnet,
  attend_and_excite: runAttendAndExcite,
  structured_guidance: runStructuredGuidance,
  semantic_guidance: runSemanticGuidance,
};
const index = parseIndex(golden);
const address = new URL('../../golden/methods/', import.meta.url).href;

// Runs of many steps would take minutes on a software GPU: there `npm run verify -- tests/golden/methods --backend webgpu`
// does the same, and rules.test.ts draws a few steps.
const suite = (backend: 'wasm' | 'webgpu'): void => {
  it.each(index.cases.map((entry) => [entry.name, entry] as const))('%s', async (_, entry) => {
    const report = new Report(entry, { factor: 1 });
    await runners[entry.kind]?.(entry, new OracleFiles(address, index, { backend }), report);
    expect(report.rows.length).toBeGreaterThan(0);
    expect(report.rows.filter((row) => !row.pass)).toEqual([]);
  });
};
onBackends('golden methods', suite, ['wasm']);

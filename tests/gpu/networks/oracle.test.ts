// The networks against numbers of diffusers and transformers, by the runners of `npm run verify`.

import { expect, it } from 'vitest';
import { runClipText } from '../../../tools/verify/cases/clipText.ts';
import { runOps } from '../../../tools/verify/cases/ops.ts';
import { runUnet } from '../../../tools/verify/cases/unet.ts';
import { runVae } from '../../../tools/verify/cases/vae.ts';
import { OracleFiles, parseIndex } from '../../../tools/verify/oracle.ts';
import { Recording } from '../../../tools/verify/recording.ts';
import { Report } from '../../../tools/verify/report.ts';
import golden from '../../golden/oracle/index.json';
import { onBackends } from '../kernels/harness.ts';

const runners: Readonly<Record<string, typeof runUnet>> = {
  unet: runUnet,
  vae: runVae,
  clip_text: runClipText,
  ops: runOps,
};
const index = parseIndex(golden);
const address = new URL('../../golden/oracle/', import.meta.url).href;

onBackends('golden numbers', (backend) => {
  const factor = backend === 'webgpu' ? index.gpu_backend_tolerance_factor : 1;

  it.each(index.cases.map((entry) => [entry.name, entry] as const))('%s', async (_, entry) => {
    const report = new Report(entry, { factor });
    await runners[entry.kind]?.(entry, new OracleFiles(address, index, { backend }), report);
    expect(report.rows.length).toBeGreaterThan(0);
    expect(report.rows.filter((row) => !row.pass)).toEqual([]);
  });
});

/** What wasm, which runs first, computed from weights rounded to half. */
const recordings = new Map<string, Recording>();

onBackends('golden networks with weights rounded to half', (backend) => {
  const factor = backend === 'webgpu' ? index.gpu_backend_tolerance_factor : 1;

  it.each(index.cases.map((entry) => [entry.name, entry] as const))('%s', async (_, entry) => {
    const recording = recordings.get(entry.name)?.replay() ?? new Recording();
    recordings.set(entry.name, recording);
    const report = new Report(entry, { factor, recording });
    await runners[entry.kind]?.(entry, new OracleFiles(address, index, { backend, weights: 'f16' }), report);
    expect(report.rows.length).toBeGreaterThan(0);
    expect(report.rows.filter((row) => !row.pass)).toEqual([]);
  });
});

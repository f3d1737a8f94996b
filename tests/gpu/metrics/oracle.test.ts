// Metrics against numbers of their own code, by the runners of `npm run verify`.

import { expect, it } from 'vitest';
import { runBlipPosEmbed } from '../../../tools/verify/cases/blipPosEmbed.ts';
import { runBlipVqa } from '../../../tools/verify/cases/blipVqa.ts';
import { runClipBpe } from '../../../tools/verify/cases/clipBpe.ts';
import { runClipScore } from '../../../tools/verify/cases/clipScore.ts';
import { runHps } from '../../../tools/verify/cases/hps.ts';
import { runImagePreprocess } from '../../../tools/verify/cases/imagePreprocess.ts';
import { runOwlVit } from '../../../tools/verify/cases/owlVit.ts';
import { runWordPiece } from '../../../tools/verify/cases/wordPiece.ts';
import { OracleFiles, parseIndex } from '../../../tools/verify/oracle.ts';
import { Recording } from '../../../tools/verify/recording.ts';
import { Report } from '../../../tools/verify/report.ts';
import golden from '../../golden/metrics/index.json';
import { onBackends } from '../kernels/harness.ts';

const networks = { blip_vqa: runBlipVqa, clip_score: runClipScore, hps: runHps, owl_vit: runOwlVit };
const runners: Readonly<Record<string, typeof runHps>> = {
  ...networks,
  blip_pos_embed: runBlipPosEmbed,
  clip_bpe: runClipBpe,
  image_preprocess: runImagePreprocess,
  word_piece: runWordPiece,
};
const index = parseIndex(golden);
const address = new URL('../../golden/metrics/', import.meta.url).href;
const named = index.cases.map((entry) => [entry.name, entry] as const);
const ofNetworks = named.filter(([, { kind }]) => kind in networks);

onBackends('golden numbers of metrics', (backend) => {
  const factor = backend === 'webgpu' ? index.gpu_backend_tolerance_factor : 1;

  it.each(named)('%s', async (_, entry) => {
    const report = new Report(entry, { factor });
    await runners[entry.kind]?.(entry, new OracleFiles(address, index, { backend }), report);
    expect(report.rows.length).toBeGreaterThan(0);
    expect(report.rows.filter((row) => !row.pass)).toEqual([]);
  });
});

/** What wasm, which runs first, computed from weights rounded to half. */
const recordings = new Map<string, Recording>();

onBackends('golden networks of metrics with weights rounded to half', (backend) => {
  const factor = backend === 'webgpu' ? index.gpu_backend_tolerance_factor : 1;

  it.each(ofNetworks)('%s', async (_, entry) => {
    const recording = recordings.get(entry.name)?.replay() ?? new Recording();
    recordings.set(entry.name, recording);
    const report = new Report(entry, { factor, recording });
    await runners[entry.kind]?.(entry, new OracleFiles(address, index, { backend, weights: 'f16' }), report);
    expect(report.rows.length).toBeGreaterThan(0);
    expect(report.rows.filter((row) => !row.pass)).toEqual([]);
  });
});

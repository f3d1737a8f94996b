// The phases that are a run of the page: one image drawn with guidance and MI, one optimizer step on it, its picture and
// the adapter file.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StageName } from '../../src/contract/events.ts';
import { presetSettings } from '../../src/contract/presets.ts';
import type { MiTuneSpec } from '../../src/contract/spec.ts';
import { encodePng } from '../../src/formats/png.ts';
import { openSafetensors } from '../../src/formats/safetensors.ts';
import { bytesSource } from '../../src/lib/bytes.ts';
import { callEngine } from './enginePage.ts';
import { loadModel, modelRef, PROMPT } from './loadedModel.ts';
import { imageSize, MODELS, type RehearseOptions } from './options.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { PhaseOutcome } from './report.ts';

export async function generate(rehearsal: Rehearsal): Promise<PhaseOutcome> {
  await loadModel(rehearsal);
  const { page } = rehearsal.studio;
  if (rehearsal.state.runId === null) {
    const { id } = await callEngine(page, 'createRun', { spec: rehearsalSpec(rehearsal), name: 'Rehearsal' });
    rehearsal.remember({ runId: id });
  }
  await work(rehearsal, 'select');
  const { candidates, selections } = await callEngine(page, 'runState', { runId: runId(rehearsal) });
  const trace = candidates[0]?.trace;
  const sums = trace?.squaredDifference ?? [];
  return {
    facts: {
      timesteps: trace?.t.join(', ') ?? '',
      'squared differences': sums.map((x) => x.toPrecision(6)).join(', '),
      score: Number(candidates[0]?.score.toPrecision(6)),
    },
    checks: [
      {
        name: 'every step has its MI term',
        ok: sums.length === rehearsal.options.steps && sums.every((x) => x > 0),
      },
      { name: 'the image is selected', ok: selections[0]?.picks.length === 1 },
    ],
  };
}

export async function train(rehearsal: Rehearsal): Promise<PhaseOutcome> {
  await loadModel(rehearsal);
  await work(rehearsal, 'train');
  const { train: training } = await callEngine(rehearsal.studio.page, 'runState', {
    runId: runId(rehearsal),
  });
  const [step] = training;
  return {
    facts: {
      loss: Number(step?.loss.toPrecision(6)),
      'gradient norm': Number(step?.gradNorm.toPrecision(6)),
    },
    checks: [
      { name: 'one step is made', ok: training.length === 1 },
      {
        name: 'loss and gradient are finite and not zero',
        ok: [step?.loss, step?.gradNorm].every((x) => Number.isFinite(x) && Number(x) > 0),
      },
    ],
  };
}

export async function decodeImage(rehearsal: Rehearsal): Promise<PhaseOutcome> {
  await loadModel(rehearsal);
  const refs = [{ runId: runId(rehearsal), round: 0, prompt: 0, candidate: 0 }];
  const [image] = await callEngine(rehearsal.studio.page, 'images', { runId: runId(rehearsal), refs });
  if (image === undefined) throw new Error('There is no image.');
  const pixels = image.width * image.height;
  const rgb = Uint8Array.from(
    { length: 3 * pixels },
    (_, i) => image.rgba[Math.floor(i / 3) * 4 + (i % 3)] ?? 0,
  );
  const path = resultFile(rehearsal, 'image.png');
  writeFileSync(path, await encodePng(rgb, image.width, image.height));
  return {
    facts: { pixels: `${image.width} x ${image.height}`, file: path },
    checks: [
      {
        name: 'the image has its size',
        ok: image.width === imageSize(rehearsal.options) && image.height === image.width,
      },
      { name: 'it is not of one color', ok: new Set(rgb).size > 8 },
    ],
  };
}

export async function exportAdapter(rehearsal: Rehearsal): Promise<PhaseOutcome> {
  await loadModel(rehearsal);
  const { options, studio } = rehearsal;
  const { name, bytes } = await callEngine(studio.page, 'exportAdapter', {
    runId: runId(rehearsal),
    which: 'last',
  });
  const path = resultFile(rehearsal, name);
  writeFileSync(path, bytes);
  const file = await openSafetensors(bytesSource(bytes, name));
  let parameters = 0;
  let moved = 0;
  let finite = true;
  for (const { name: tensor, shape } of file.entries.values()) {
    const values = await file.readF32(tensor);
    parameters += shape.reduce((product, size) => product * size, 1);
    finite &&= values.every(Number.isFinite);
    // B begins at zero, so that what is not zero was trained.
    if (tensor.includes('lora.up') && (values.some((x) => x !== 0) || isIdle(tensor, options))) moved++;
  }
  const layers = file.entries.size / 3;
  return {
    facts: { bytes: bytes.length, tensors: file.entries.size, parameters, file: path },
    checks: [
      { name: 'all numbers are finite', ok: finite },
      {
        name: 'every layer was trained (except query and key where one token attends to itself)',
        ok: moved === layers,
      },
      ...(options.model === 'sd21' && options.rank === 32
        ? [{ name: '6,739,456 parameters', ok: parameters === 6_739_456 }]
        : []),
    ],
  };
}

/**
 * Self-attention over a single token, in the middle of latents as small as the network can halve: its weight is 1
 * whatever query and key are, and their gradient is zero.
 */
function isIdle(tensor: string, { model, latents }: RehearseOptions): boolean {
  const levels = (MODELS[model].unet.block_out_channels as readonly number[]).length;
  return latents <= 2 ** (levels - 1) && /mid_block\..*\.attn1\.to_[qk]\./.test(tensor);
}

/** Works on the run until the stage is done. */
async function work(rehearsal: Rehearsal, until: StageName): Promise<void> {
  const { studio, log } = rehearsal;
  const summary = await callEngine(
    studio.page,
    'run',
    { runId: runId(rehearsal), until },
    ({ done, total, unit }) => log(`${until}: ${done} of ${total} ${unit}.`),
  );
  if (summary.status === 'failed') throw new Error(`The run failed in the stage ${summary.stage}.`);
}

/** The paper's settings, once instead of many times. */
function rehearsalSpec(rehearsal: Rehearsal): MiTuneSpec {
  const { options } = rehearsal;
  const { sampling, score, selection, adapter, training } = presetSettings('paper');
  return {
    version: 1,
    preset: 'custom',
    model: modelRef(rehearsal),
    prompts: [PROMPT],
    seed: 42,
    backend: options.backend,
    sampling: { ...sampling, steps: options.steps, batch: 1, size: imageSize(rehearsal.options) },
    score,
    selection: { ...selection, candidates: 1, keep: 1, rounds: 1 },
    adapter: { ...adapter, rank: options.rank },
    training: { ...training, iterations: 1, batch: 1, accumulation: 1, validationShare: 0, previewEvery: 0 },
    realImages: null,
  };
}

function runId({ state }: Rehearsal): string {
  if (state.runId === null) throw new Error('There is no run; leave out --only, or add generate to it.');
  return state.runId;
}

function resultFile({ options }: Rehearsal, name: string): string {
  mkdirSync(options.out, { recursive: true });
  return join(options.out, name);
}

// What the page has to do in a rehearsal, one phase after the other. Each gives facts for the report and checks.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadPlan } from '../../src/contract/loadPlan.ts';
import { download } from './download.ts';
import { callEngine } from './enginePage.ts';
import { loadByHand } from './loadByHand.ts';
import { loadModel, modelRef, PROMPT } from './loadedModel.ts';
import { imageSize, MODELS, type PhaseName } from './options.ts';
import { writeOutputs } from './outputs.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { PhaseOutcome } from './report.ts';
import { decodeImage, exportAdapter, generate, train } from './runPhases.ts';
import { seededInput } from './seededWeights.ts';
import { writeModel } from './writeModel.ts';

/** Phases that do not touch the page. */
export const OFFLINE: ReadonlySet<PhaseName> = new Set(['write']);

export const RUNS: Readonly<Record<PhaseName, (rehearsal: Rehearsal) => Promise<PhaseOutcome>>> = {
  write: async ({ options, folder, log }) => {
    const { sizeBytes, parameters } = await writeModel(folder, MODELS[options.model], log);
    return { facts: { bytes: sizeBytes, parameters }, checks: [] };
  },
  download,
  plan: async (rehearsal) => {
    const { page } = rehearsal.studio;
    const ref = modelRef(rehearsal);
    const size = imageSize(rehearsal.options);
    const request = { ref, batch: 1, rank: rehearsal.options.rank };
    const plans: Record<string, LoadPlan> = {
      'generate, here': await callEngine(page, 'planLoad', { ...request, size, mode: 'generate' }),
      'train, here': await callEngine(page, 'planLoad', { ...request, size, mode: 'train' }),
      'generate, own size': await callEngine(page, 'planLoad', { ...request, size: null, mode: 'generate' }),
      'train, own size': await callEngine(page, 'planLoad', { ...request, size: null, mode: 'train' }),
    };
    mkdirSync(rehearsal.options.out, { recursive: true });
    writeFileSync(join(rehearsal.options.out, 'load-plans.json'), `${JSON.stringify(plans, null, 1)}\n`);
    const seconds = { ...plans['generate, here']?.seconds, ...plans['train, here']?.seconds };
    return {
      facts: Object.fromEntries([
        ...Object.entries(plans).map(([name, plan]) => [
          `peak MB to ${name}`,
          Math.round(plan.peakBytes / 1e6),
        ]),
        // Of one evaluation or image, by the kernels that were timed at the start.
        ...Object.entries(seconds).map(([unit, s]) => [`ms ${unit}`, Number((1000 * s).toPrecision(3))]),
      ]),
      checks: Object.entries(plans).map(([name, plan]) => ({
        name: `the plan to ${name} fits, or is answered with one that does`,
        ok: plan.fits || plan.proposal !== null,
      })),
    };
  },
  load: async (rehearsal) => {
    const plan = await loadByHand(rehearsal);
    const model = await loadModel(rehearsal);
    const { unet, textEncoder, vae } = model.parameters;
    const checks =
      rehearsal.options.model === 'sd21'
        ? [
            { name: '865,910,724 parameters in the UNet', ok: unet === 865_910_724 },
            { name: '340,387,840 in the text encoder', ok: textEncoder === 340_387_840 },
            { name: '83,653,863 in the VAE', ok: vae === 83_653_863 },
            { name: '128 adapter targets', ok: model.adapterTargets === 128 },
          ]
        : [];
    return {
      facts: { plan, weights: model.weights, unet, textEncoder, vae, targets: model.adapterTargets },
      checks,
    };
  },
  encode: async (rehearsal) => {
    await loadModel(rehearsal);
    const { contexts } = await callEngine(rehearsal.studio.page, 'probe', {
      latents: inputBlock(rehearsal, 'sample'),
      contexts: [{ prompt: '' }, { prompt: PROMPT }],
      timesteps: [],
    });
    const [empty, prompt] = contexts.map((c) => c.values);
    if (empty === undefined || prompt === undefined) throw new Error('The text encoder gave nothing.');
    const distance = Math.sqrt(
      prompt.reduce((sum, x, i) => sum + (x - (empty[i] ?? 0)) ** 2, 0) / prompt.length,
    );
    return {
      facts: {
        shape: contexts[1]?.shape.join(' x ') ?? '',
        'rms distance from the empty prompt': round(distance),
      },
      checks: [
        { name: 'embeddings are finite', ok: empty.every(Number.isFinite) && prompt.every(Number.isFinite) },
        { name: 'the prompt differs from the empty one', ok: distance > 1e-3 },
      ],
    };
  },
  unet: async (rehearsal) => {
    await loadModel(rehearsal);
    const { options, studio, log } = rehearsal;
    const result = await callEngine(
      studio.page,
      'probe',
      {
        latents: inputBlock(rehearsal, 'sample'),
        // The unconditional half comes first, as in sampling with guidance.
        contexts: [inputBlock(rehearsal, 'uncond'), inputBlock(rehearsal, 'context')],
        timesteps: options.timesteps,
      },
      ({ done, total }) => log(`unet: ${done} of ${total} timesteps.`),
    );
    const path = writeOutputs(options.out, result);
    const sums = Object.fromEntries(
      result.steps.map(({ t, squaredDifference }) => [
        `sq.t${t}`,
        round(squaredDifference?.[0] ?? Number.NaN),
      ]),
    );
    return {
      facts: { ...sums, 'seconds per timestep': round(result.steps.at(-1)?.seconds ?? 0), file: path },
      checks: [
        {
          name: 'predictions are finite',
          ok: result.steps.every((s) => s.predictions.every((p) => p.values.every(Number.isFinite))),
        },
        { name: 'the contexts make a difference', ok: Object.values(sums).every((sum) => sum > 0) },
      ],
    };
  },
  generate,
  train,
  decode: decodeImage,
  export: exportAdapter,
};

function inputBlock({ options }: Rehearsal, name: 'sample' | 'context' | 'uncond') {
  const { unet, textEncoder } = MODELS[options.model];
  const shape =
    name === 'sample'
      ? [1, Number(unet.in_channels), options.latents, options.latents]
      : [1, textEncoder.max_position_embeddings, Number(unet.cross_attention_dim)];
  return {
    shape,
    values: seededInput(
      name,
      shape.reduce((product, size) => product * size, 1),
    ),
  };
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}

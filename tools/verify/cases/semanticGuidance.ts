// S-CFG: attention maps, their completion, token regions, the foreground, gamma and guided noise of every step, the run.

import * as v from 'valibot';
import { denoise } from '../../../src/diffusion/denoise.ts';
import { sample } from '../../../src/diffusion/sample.ts';
import { heldVectors, type SamplerState } from '../../../src/diffusion/scheduler.ts';
import { tensorSpace } from '../../../src/diffusion/tensorSpace.ts';
import { mapPixels, pixelMatrix, smoothing } from '../../../src/methods/code/grids.ts';
import {
  completed,
  findRegions,
  guidanceScale,
  guideByRegions,
  type LayerMaps,
  mapCollector,
  maskedSites,
  type Regions,
} from '../../../src/methods/code/semanticGuidance.ts';
import {
  scope,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from '../../../src/tensor/tf.ts';
import { latentReader, openCase, schedulerOf, toleranceNamed } from '../methodCases.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';
import { readTokens, take, takeImage } from '../tensors.ts';

const schema = v.looseObject({
  unet: v.string(),
  io: v.string(),
  guidance_scale: v.number(),
  R: v.number(),
  scheduler: v.string(),
  scheduler_config: v.unknown(),
  steps: v.number(),
  timesteps: v.array(v.number()),
  run: v.array(v.looseObject({ step: v.number(), foreground_share: v.number() })),
});
/** Masks are compared where the gap between first and second choice is wider than this. */
const MARGIN = 2e-5;

export async function runSemanticGuidance(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = (name: string) => toleranceNamed(entry, name);
  const { denoiser, file, dispose } = await openCase(io, asked.unet, asked.io);
  const scheduler = schedulerOf(asked.scheduler, asked.scheduler_config, asked.steps);
  report.equal('grid', 'timesteps', scheduler.timesteps, asked.timesteps);
  const latents = latentReader(file);
  const [uncond, cond] = [await readTokens(file, 'uncond_embeds'), await readTokens(file, 'prompt_embeds')];
  const initial = await latents.read('initial_latents');
  const [, h, w] = initial.shape;
  // Grids of 1/R to 1/8 of the latent.
  const { names, grid: mask } = maskedSites(denoiser.unet.stages, [h, w], Math.log2(8 / asked.R) + 1);
  const collector = mapCollector(names);
  const guidance = asked.guidance_scale;

  let state: SamplerState<Tensor4D> = scheduler.start(initial.clone());
  for (const i of asked.run.keys()) {
    const t = scheduler.timesteps[i] as number;
    const id = `step ${i}`;
    const start = await latents.read(i === 0 ? 'initial_latents' : `s${i - 1}.latents_out`);
    const outputs = denoise(denoiser, start, t, [uncond, cond], { hooks: { attention: collector.hook } });
    const layers = collector.take();
    if (i === 0) await checkLayers(layers);
    const regions = findRegions(layers, mask);
    await checkRegions(`s${i}`, regions);
    const deltaEps = scope(() => {
      const [u, c] = tf.split(outputs, 2) as [Tensor4D, Tensor4D];
      return tf.sub(c, u) as Tensor4D;
    });
    await compare(
      id,
      'delta_norm',
      scope(() => tf.sqrt(tf.sum(tf.square(deltaEps), 3))),
      `s${i}.delta_norm`,
      'eps',
    );
    const gamma = guidanceScale(deltaEps, regions, mask, guidance);
    await compare(id, 'gamma', gamma, `s${i}.gamma`, 'gamma');
    await checkStoredGamma(i, regions.tokenMap.shape[1]);
    const [epsUncond, epsCond] = await halves(outputs.clone());
    for (const [name, values] of [
      ['eps_uncond', epsUncond],
      ['eps_cond', epsCond],
    ] as const) {
      if (has(`s${i}.${name}`))
        report.close(id, name, values, await file.readF32(`s${i}.${name}`), tolerance('eps'));
    }
    const combined = guideByRegions(guidance, mask, () => layers)({ outputs, zt: start, t, i });
    report.close(
      id,
      'guided',
      await takeImage(combined.output),
      await file.readF32(`s${i}.guided`),
      tolerance('guided'),
    );
    tf.dispose([
      deltaEps,
      outputs,
      regions.tokenMap,
      regions.foreMap,
      regions.foreground,
      combined.squaredDifference as Tensor,
    ]);
    const guided = (await latents.read(`s${i}.guided`)).clone();
    const from = { ...state, z: start.clone() };
    const next = scheduler.step(tensorSpace, from, i, { output: guided, noise: null });
    report.close(
      id,
      'latents_out',
      await takeImage(next.z.clone()),
      await file.readF32(`s${i}.latents_out`),
      tolerance('latents_out'),
    );
    const kept = heldVectors(next);
    for (const tensor of new Set([...heldVectors(state), from.z, guided]))
      if (!kept.has(tensor)) tensor.dispose();
    state = next;
  }
  for (const tensor of heldVectors(state)) tensor.dispose();

  const after: Tensor4D[] = [];
  const whole = await sample({
    denoiser,
    scheduler,
    contexts: [uncond, cond],
    noise: () => initial.clone(),
    combine: guideByRegions(guidance, mask, collector.take),
    denoiseOptions: { hooks: { attention: collector.hook } },
    onStep: ({ next }) => after.push(next.clone()),
  });
  whole.latents.dispose();
  for (const [i, next] of after.entries()) {
    report.close(
      'run',
      `latents after ${i}`,
      await takeImage(next),
      await file.readF32(`s${i}.latents_out`),
      tolerance('run_latents_out'),
    );
  }
  latents.dispose();
  tf.dispose([uncond, cond]);
  dispose();

  function has(name: string): boolean {
    return file.entries.has(name);
  }

  async function compare(
    id: string,
    quantity: string,
    x: Tensor,
    name: string,
    bound: string,
  ): Promise<void> {
    const values = await take(x);
    if (has(name)) report.close(id, quantity, values, await file.readF32(name), tolerance(bound));
  }

  /** Raw, completed and smoothed maps of every layer, as far as they are stored; layers count within their grid. */
  async function checkLayers(layers: readonly LayerMaps[]): Promise<void> {
    const counts = new Map<number, number>();
    const blur = pixelMatrix(smoothing(mask[0]), smoothing(mask[1]));
    for (const layer of layers) {
      const q = Math.round(h / layer.grid[0]);
      const index = counts.get(q) ?? 0;
      counts.set(q, index + 1);
      const suffix = `r${q}.${index}`;
      const id = `layer ${suffix}`;
      const condHalf = (x: Tensor): Tensor => scope(() => tf.split(x, 2)[1] as Tensor);
      await compare(id, 'self', layer.self.clone(), `s0.self.${suffix}`, 'maps');
      await compare(id, 'cross', layer.cross.clone(), `s0.cross.${suffix}`, 'maps');
      await compare(id, 'self, conditional', condHalf(layer.self), `s0.self_cond.${suffix}`, 'maps');
      await compare(id, 'cross, conditional', condHalf(layer.cross), `s0.cross_cond.${suffix}`, 'maps');
      const propagated = completed(layer, mask);
      await compare(id, 'propagated', propagated.clone(), `s0.propagated.${suffix}`, 'maps');
      await compare(
        id,
        'propagated, conditional',
        condHalf(propagated),
        `s0.propagated_cond.${suffix}`,
        'maps',
      );
      const start = scope(() => tf.slice(propagated, [0, 0, 0], [1, 1, -1]));
      await compare(id, 'propagated, start token', start, `s0.propagated_sot_uncond.${suffix}`, 'maps');
      const blurred = scope(() => mapPixels(propagated, blur));
      await compare(id, 'blurred', condHalf(blurred), `s0.blurred_cond.${suffix}`, 'maps');
      tf.dispose([propagated, blurred]);
    }
    blur.dispose();
  }

  async function checkRegions(prefix: string, { tokenMap, foreMap, foreground }: Regions): Promise<void> {
    await compare(prefix, 'token_map', tokenMap.clone(), `${prefix}.token_map`, 'token_map');
    await compare(prefix, 'fore_map', foreMap.clone(), `${prefix}.fore_map`, 'fore_map');
    const [tokens, fore] = [await take(tokenMap.clone()), await take(foreMap.clone())];
    const pixels = mask[0] * mask[1];
    const ranked = Array.from({ length: pixels }, (_, p) => {
      const column = Array.from(
        { length: tokens.length / pixels },
        (__, k) => tokens[k * pixels + p] as number,
      );
      const best = column.indexOf(Math.max(...column));
      const second = Math.max(...column.filter((___, k) => k !== best));
      return { best, sure: (column[best] as number) - second > MARGIN };
    });
    const stored = await file.readF32(`${prefix}.token_index`);
    const sure = ranked.map((r, p) => (r.sure ? p : -1)).filter((p) => p >= 0);
    report.equal(
      prefix,
      'token_index',
      sure.map((p) => ranked[p]?.best),
      sure.map((p) => stored[p]),
    );
    const clear = Array.from({ length: pixels }, (_, p) => p).filter(
      (p) => Math.abs((fore[p] as number) - (fore[pixels + p] as number)) > MARGIN,
    );
    const [own, theirs] = [await take(foreground.clone()), await file.readF32(`${prefix}.foreground`)];
    report.equal(
      prefix,
      'foreground',
      clear.map((p) => own[p]),
      clear.map((p) => theirs[p]),
    );
  }

  /** gamma from stored masks and predictions alone. */
  async function checkStoredGamma(i: number, tokens: number): Promise<void> {
    if (!has(`s${i}.eps_cond`) || !has(`s${i}.eps_uncond`)) return;
    const index = [...(await file.readF32(`s${i}.token_index`))];
    const fore = Float32Array.from(await file.readF32(`s${i}.foreground`));
    const [c, u] = [await latents.read(`s${i}.eps_cond`), await latents.read(`s${i}.eps_uncond`)];
    const gamma = scope(() => {
      const member = Array.from({ length: tokens }, (_, k) => index.map((own) => (own === k ? 1 : 0)));
      const tokenMap = tf.tensor3d([member]) as Tensor3D;
      const foreground = tf.tensor2d(fore, [1, fore.length]) as Tensor2D;
      return guidanceScale(
        tf.sub(c, u) as Tensor4D,
        { tokenMap, foreMap: tokenMap, foreground },
        mask,
        guidance,
      );
    });
    await compare(`step ${i}`, 'gamma from stored masks', gamma, `s${i}.gamma`, 'gamma_from_stored');
  }
}

/** The unconditional and the conditional half of outputs, in PyTorch's layout; consumes them. */
async function halves(outputs: Tensor4D): Promise<[Float32Array, Float32Array]> {
  const values = await takeImage(outputs);
  return [values.subarray(0, values.length / 2), values.subarray(values.length / 2)];
}

// Attend-and-Excite: every evaluation's maps, loss and gradient, the refinements, each step, and the whole run.

import * as v from 'valibot';
import { denoise } from '../../../src/diffusion/denoise.ts';
import { guideAndMeasure } from '../../../src/diffusion/guidance.ts';
import { sample } from '../../../src/diffusion/sample.ts';
import { heldVectors, type SamplerState } from '../../../src/diffusion/scheduler.ts';
import { tensorSpace } from '../../../src/diffusion/tensorSpace.ts';
import {
  captureSites,
  type Excitation,
  excitation,
  excite,
  excitedSites,
  type Measured,
  subjectLoss,
} from '../../../src/methods/code/attendAndExcite.ts';
import { scope, type Tensor, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { latentReader, openCase, schedulerOf, toleranceNamed } from '../methodCases.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';
import { readTokens, take, takeImage } from '../tensors.ts';

const evaluationSchema = v.object({
  loss: v.number(),
  maxima: v.array(v.number()),
  latents: v.optional(v.string()),
  aggregate: v.optional(v.string()),
  maps: v.optional(v.string()),
  maps_smoothed: v.optional(v.string()),
  grad: v.optional(v.string()),
});
const schema = v.looseObject({
  unet: v.string(),
  io: v.string(),
  token_indices: v.array(v.number()),
  kept_token_positions: v.tuple([v.number(), v.number()]),
  guidance_scale: v.number(),
  scheduler: v.string(),
  scheduler_config: v.unknown(),
  steps: v.number(),
  timesteps: v.array(v.number()),
  scale_factor: v.number(),
  scale_range: v.tuple([v.number(), v.number()]),
  max_iter_to_alter: v.number(),
  thresholds: v.record(v.string(), v.number()),
  max_refinement_steps: v.number(),
  run: v.array(
    v.looseObject({
      step: v.number(),
      step_size: v.number(),
      evaluations: v.array(evaluationSchema),
      refinement: v.nullable(v.looseObject({ entered: v.boolean(), iterations: v.number() })),
      latents_updated: v.optional(v.nullable(v.string())),
      guided: v.string(),
      latents_out: v.string(),
    }),
  ),
});

export async function runAttendAndExcite(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = (name: string) => toleranceNamed(entry, name);
  const { denoiser, file, dispose } = await openCase(io, asked.unet, asked.io);
  const scheduler = schedulerOf(asked.scheduler, asked.scheduler_config, asked.steps);
  report.equal('grid', 'timesteps', scheduler.timesteps, asked.timesteps);
  const latents = latentReader(file);
  const [uncond, cond] = [await readTokens(file, 'uncond_embeds'), await readTokens(file, 'prompt_embeds')];
  const initial = await latents.read('initial_latents');
  const size = [initial.shape[1], initial.shape[2]] as const;
  const [high, low] = asked.scale_range;
  const settings: Excitation = {
    subjects: asked.token_indices,
    kept: asked.kept_token_positions,
    // r is spread over the sampler's timesteps, PNDM's repeated one included.
    stepSize: (i) =>
      asked.scale_factor * Math.sqrt(high + ((low - high) * i) / Math.max(1, scheduler.timesteps.length - 1)),
    alterUntil: asked.max_iter_to_alter,
    thresholds: new Map(Object.entries(asked.thresholds).map(([i, value]) => [Number(i), value])),
    maxRefinements: asked.max_refinement_steps,
  };
  const network = { denoiser, size, mode: 'byStage', scheduler, context: cond } as const;
  const { measure, dispose: disposeLoss } = excitation(network, settings);
  const checkMaps = mapChecker();

  let state: SamplerState<Tensor4D> = scheduler.start(initial.clone());
  for (const [i, step] of asked.run.entries()) {
    const id = `step ${i}`;
    const t = scheduler.timesteps[i] as number;
    const startName = i === 0 ? 'initial_latents' : (asked.run[i - 1]?.latents_out ?? '');
    report.closeNumber(id, 'step size', settings.stepSize(i), step.step_size, { rtol: 1e-6 });
    for (const [j, evaluation] of step.evaluations.entries()) {
      // Of long refinements only some latents are stored; the others are covered by where the refinement ends.
      const stored = evaluation.latents ?? (j < 2 ? startName : null);
      if (stored === null) continue;
      const at = await latents.read(stored);
      const name = `${id} evaluation ${j}`;
      const { loss, gradient } = await measure(at, t, i);
      report.closeNumber(name, 'loss', loss, evaluation.loss, tolerance('loss'));
      const values = await takeImage(gradient);
      if (evaluation.grad !== undefined) {
        report.close(name, 'gradient', values, await file.readF32(evaluation.grad), tolerance('grad'));
      }
      await checkMaps(name, at, t, evaluation);
    }
    let evaluations = 0;
    const counted = (z: Tensor4D, at: number, k: number): Promise<Measured> => {
      evaluations++;
      return measure(z, at, k);
    };
    const start = await latents.read(startName);
    const updated = await excite(counted, settings, { zt: start, t, i });
    if (step.refinement?.entered === true) {
      // One at the entry, which is the first iteration's too, one for each further iteration, and the closing one.
      report.equal(id, 'refinement iterations', evaluations - 1, step.refinement.iterations);
    }
    const stored = step.latents_updated ?? null;
    report.equal(id, 'updated', updated !== start, stored !== null);
    if (stored !== null) {
      report.close(
        id,
        'latents_updated',
        await takeImage(updated.clone()),
        await file.readF32(stored),
        tolerance('latents_updated'),
      );
    }
    if (updated !== start) updated.dispose();
    // From here on with the stored numbers again.
    const moved = stored === null ? start : await latents.read(stored);
    const { output, squaredDifference } = scope(() =>
      guideAndMeasure(asked.guidance_scale)({
        outputs: denoise(denoiser, moved, t, [uncond, cond]),
        zt: moved,
        t,
        i,
      }),
    );
    squaredDifference?.dispose();
    report.close(id, 'guided', await takeImage(output), await file.readF32(step.guided), tolerance('guided'));
    const from = { ...state, z: moved.clone() };
    const guided = (await latents.read(step.guided)).clone();
    const next = scheduler.step(tensorSpace, from, i, { output: guided, noise: null });
    report.close(
      id,
      'latents_out',
      await takeImage(next.z.clone()),
      await file.readF32(step.latents_out),
      tolerance('latents_out'),
    );
    const kept = heldVectors(next);
    for (const tensor of new Set([...heldVectors(state), from.z, guided]))
      if (!kept.has(tensor)) tensor.dispose();
    state = next;
  }
  for (const tensor of heldVectors(state)) tensor.dispose();

  // A folder may hold the first steps alone.
  if (asked.run.length === scheduler.timesteps.length) await checkWholeRun();
  disposeLoss();
  latents.dispose();
  tf.dispose([uncond, cond]);
  dispose();

  /** The run from the initial latents to the end, on nothing but its own numbers. */
  async function checkWholeRun(): Promise<void> {
    const losses: number[] = [];
    const after: Tensor4D[] = [];
    const whole = await sample({
      denoiser,
      scheduler,
      contexts: [uncond, cond],
      noise: () => initial.clone(),
      combine: guideAndMeasure(asked.guidance_scale),
      beforeStep: (zt, t, i) =>
        excite(
          async (z, at, k) => {
            const found = await measure(z, at, k);
            if (z === zt) losses[k] = found.loss;
            return found;
          },
          settings,
          { zt, t, i },
        ),
      onStep: ({ next }) => after.push(next.clone()),
    });
    whole.latents.dispose();
    for (const [i, step] of asked.run.entries()) {
      const latentsOut = await file.readF32(step.latents_out);
      report.close(
        'run',
        `latents after ${i}`,
        await takeImage(after[i] as Tensor4D),
        latentsOut,
        tolerance('run_latents_out'),
      );
      const loss = losses[i];
      // A pass whose loss nothing depends on is left out.
      if (loss !== undefined) {
        report.closeNumber(
          'run',
          `loss at ${i}`,
          loss,
          step.evaluations[0]?.loss ?? Number.NaN,
          tolerance('run_loss'),
        );
      }
    }
  }

  /** Compares the maps that an evaluation has stored. */
  function mapChecker() {
    const sites = excitedSites(denoiser.unet.stages, size);
    const capture = captureSites(sites.names);
    return async (
      name: string,
      at: Tensor4D,
      t: number,
      evaluation: v.InferOutput<typeof evaluationSchema>,
    ) => {
      if (evaluation.maps === undefined && evaluation.aggregate === undefined) return;
      const loss = subjectLoss(sites.grid, settings);
      const seen: Tensor[] = [];
      const attention = {
        wants: capture.wants,
        onAttention: (_: unknown, { probs }: { probs: Tensor4D }) => {
          seen.push(tf.keep(capture.reduce(probs)));
          return null;
        },
      };
      denoise(denoiser, at, t, [cond], { hooks: { attention }, stopAfter: sites.lastStage }).dispose();
      const [aggregate, maps, smoothed] = scope(() => {
        const all = loss.aggregate(seen, sites.heads);
        const own = loss.subjectMaps(all);
        return [all, own, loss.smooth(own)] as const;
      });
      for (const [quantity, tensor] of [
        ['aggregate', aggregate],
        ['maps', maps],
        ['maps_smoothed', smoothed],
      ] as const) {
        const key = evaluation[quantity];
        const values = await take(tensor);
        if (key !== undefined)
          report.close(name, quantity, values, await file.readF32(key), tolerance(quantity));
      }
      tf.dispose(seen);
      loss.dispose();
    };
  }
}

/**
 * Attend-and-Excite (Chefer et al. 2023, arXiv 2301.13826, section 3; code 163efdf): before a step the latent descends
 * along the attention that the most neglected subject gets.
 *
 *     A = mean over layers and heads of cross-attention, softmax(100 A) over the prompt's tokens, smoothed
 *     L = max over subjects s of (1 - max over pixels of A_s)
 *     zt <- zt - 20 sqrt(r_i) dL/dzt, r from 1 to 0.5
 *
 * At some steps the update is repeated until L is low enough ("iterative refinement").
 */

import type { GradientMode } from '../../contract/loadPlan.ts';
import { type Denoiser, type LatentLoss, latentGradient } from '../../diffusion/denoise.ts';
import { guideAndMeasure } from '../../diffusion/guidance.ts';
import type { Scheduler } from '../../diffusion/scheduler.ts';
import type { AttentionSite } from '../../models/hooks.ts';
import type { MapCapture } from '../../models/unet/gradients.ts';
import { attentionSites, type Stage } from '../../models/unet/stages.ts';
import { denoiserOf } from '../../procedures/tuned.ts';
import { lastTokens } from '../../prompts/align.ts';
import { matmulTrain } from '../../tensor/ops/matmulTrain.ts';
import {
  type Scalar,
  scope,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from '../../tensor/tf.ts';
import { exciteSchedule } from '../attendAndExcite.ts';
import type { MakeDrawRule } from '../methodCode.ts';
import { type Grid, mapPixels, pixelMatrix, smoothing } from './grids.ts';

/** Attention is sharpened by this before the softmax over tokens. */
const SHARPNESS = 100;

export type Excitation = {
  /** Positions of the subjects' tokens, the start token being 0. */
  readonly subjects: readonly number[];
  /** First and last position that takes part in the softmax. */
  readonly kept: readonly [number, number];
  /** Factor of the gradient at evaluation `i`. */
  readonly stepSize: (i: number) => number;
  /** Evaluations before this one get the regular update. */
  readonly alterUntil: number;
  /** Attention that the worst subject must reach at that evaluation, else the update is repeated. */
  readonly thresholds: ReadonlyMap<number, number>;
  readonly maxRefinements: number;
};

/** Loss and gradient of one evaluation of the network. */
export type Measured = { readonly loss: number; readonly gradient: Tensor4D };

/**
 * How attention maps of one prompt become the loss. `sites` are the cross-attention layers of one grid.
 * @returns the differentiable pieces; `dispose` frees the constants
 */
export function subjectLoss(grid: Grid, { subjects, kept }: Pick<Excitation, 'subjects' | 'kept'>) {
  const blur = pixelMatrix(smoothing(grid[0]), smoothing(grid[1])); // [pixels, pixels]
  const pick = oneHotColumns(
    subjects.map((s) => s - kept[0]),
    kept[1] - kept[0] + 1,
  ); // [kept, subjects]
  /** Maps [pixels, tokens], each a sum over heads, and how many heads all of them have. */
  const aggregate = (maps: readonly Tensor[], heads: number): Tensor2D =>
    tf.div(maps.length === 1 ? (maps[0] as Tensor) : tf.addN([...maps]), heads) as Tensor2D;
  const subjectMaps = (aggregated: Tensor2D): Tensor2D => {
    const tokens = tf.slice(aggregated, [0, kept[0]], [-1, kept[1] - kept[0] + 1]);
    const sharp = tf.softmax(tf.mul(tokens, SHARPNESS)) as Tensor2D; // [pixels, kept]
    return tf.transpose(matmulTrain(sharp, pick)) as Tensor2D; // [subjects, pixels]
  };
  const smooth = (maps: Tensor2D): Tensor2D => mapPixels(maps, blur) as Tensor2D;
  const worst = (smoothed: Tensor2D): Scalar => tf.max(tf.relu(tf.sub(1, tf.max(smoothed, 1)))) as Scalar;
  const dispose = (): void => tf.dispose([blur, pick]);
  return { aggregate, subjectMaps, smooth, worst, dispose };
}

/** What the gradient is taken of. */
type ExcitedNetwork = {
  readonly denoiser: Denoiser;
  /** Height and width of the latent. */
  readonly size: Grid;
  readonly mode: GradientMode;
  readonly scheduler: Scheduler;
  /** The prompt's embedding [1, L, D]. */
  readonly context: Tensor3D;
};

/** The cross-attention layers whose grid has nearest to 256 pixels (exactly that many in SD at 512), and where they end. */
export function excitedSites(stages: readonly Stage[], size: Grid) {
  const cross = attentionSites(stages, size).filter(({ site }) => site.kind === 'cross');
  const distance = ({ resolution: [rows, columns] }: AttentionSite): number =>
    Math.abs(Math.log((rows * columns) / 256));
  const nearest = Math.min(...cross.map(({ site }) => distance(site)));
  const chosen = cross.filter(({ site }) => distance(site) === nearest);
  const last = chosen.at(-1) as (typeof chosen)[number];
  return {
    grid: last.site.resolution,
    names: new Set(chosen.map(({ site }) => site.name)),
    heads: chosen.reduce((sum, { site }) => sum + site.heads, 0),
    lastStage: last.stage,
  };
}

/** Sums over heads: [1, heads, pixels, tokens] to [pixels, tokens]. */
export function captureSites(names: ReadonlySet<string>): MapCapture {
  return {
    wants: ({ name }) => names.has(name),
    reduce: (probs) => scope(() => tf.reshape(tf.sum(probs, 1), probs.shape.slice(2) as [number, number])),
  };
}

/** Measures loss and gradient, stage by stage where memory is short; the network runs to the last map only. */
export function excitation(on: ExcitedNetwork, asked: Pick<Excitation, 'subjects' | 'kept'>) {
  const { denoiser, scheduler, context, mode } = on;
  const sites = excitedSites(denoiser.unet.stages, on.size);
  const loss = subjectLoss(sites.grid, asked);
  const options = { capture: captureSites(sites.names), stopAfter: sites.lastStage, mode };
  const measure = async (zt: Tensor4D, t: number, i: number): Promise<Measured> => {
    const scale = scheduler.scaleModelInput(i);
    const input = tf.mul(zt, scale) as Tensor4D;
    const lossOf: LatentLoss = (_, maps) =>
      loss.worst(loss.smooth(loss.subjectMaps(loss.aggregate(maps, sites.heads))));
    const found = await latentGradient(denoiser, input, t, [context], lossOf, options);
    const [value] = (await found.loss.data()) as Float32Array;
    const gradient = tf.mul(found.gradient, scale) as Tensor4D;
    tf.dispose([input, found.loss, found.gradient]);
    return { loss: value as number, gradient };
  };
  return { measure, dispose: loss.dispose };
}

/**
 * The latent that evaluation `i` goes on from: `zt` itself where nothing is done.
 *
 * As upstream runs, the refinement's loop tests the loss from before its latest update: its first iteration updates at
 * the entry latent, and the iteration that first measures a low enough loss still updates.
 */
export async function excite(
  measure: (zt: Tensor4D, t: number, i: number) => Promise<Measured>,
  asked: Excitation,
  { zt, t, i, signal }: { zt: Tensor4D; t: number; i: number; signal?: AbortSignal | undefined },
): Promise<Tensor4D> {
  const threshold = asked.thresholds.get(i);
  const regular = i < asked.alterUntil;
  if (threshold === undefined && !regular) return zt;
  const update = ({ loss, gradient }: Measured, from: Tensor4D): Tensor4D => {
    if (loss === 0) return from;
    const moved = scope(() => tf.sub(from, tf.mul(gradient, asked.stepSize(i))) as Tensor4D);
    if (from !== zt) from.dispose();
    return moved;
  };
  let z = zt;
  let measured = await measure(z, t, i);
  try {
    if (threshold !== undefined && measured.loss > 1 - threshold) {
      for (let iteration = 1; measured.loss > 1 - threshold; iteration++) {
        signal?.throwIfAborted();
        if (iteration > 1) measured = await again(measured, z);
        z = update(measured, z);
        if (iteration >= asked.maxRefinements) break;
      }
      measured = await again(measured, z);
    }
    return regular ? update(measured, z) : z;
  } catch (error) {
    if (z !== zt) z.dispose();
    throw error;
  } finally {
    measured.gradient.dispose();
  }

  async function again(before: Measured, at: Tensor4D): Promise<Measured> {
    const next = await measure(at, t, i);
    before.gradient.dispose();
    return next;
  }
}

export const drawRule: MakeDrawRule = (options, read) => ({
  // Every image goes its own way.
  rows: 1,
  prepare: async ({ guidance, signal, session, tuned, text, contexts, scheduler }) => {
    const combine = guideAndMeasure(guidance);
    const { objects } = await read(text);
    const { tokenizer } = session.model;
    const subjects = lastTokens(tokenizer, text, objects);
    // Without a subject, or with none among the tokens that the model reads, there is nothing to excite.
    if (subjects.length === 0) return { combine, dispose: () => undefined };
    const evaluations = scheduler.timesteps.length;
    const { alterUntil, refinements } = exciteSchedule(evaluations, options);
    const asked: Excitation = {
      subjects,
      kept: [1, options.promptTokensOnly ? tokenizer.encode(text).used : tokenizer.maxTokens - 2],
      stepSize: (i) => (options.stepSize as number) * Math.sqrt(1 - i / (2 * Math.max(1, evaluations - 1))),
      alterUntil,
      thresholds: refinements,
      maxRefinements: options.maxRefinements as number,
    };
    const [h, w] = session.latentShape;
    const denoiser = denoiserOf(session, tuned);
    const network = {
      denoiser,
      size: [h, w] as const,
      mode: session.policy.sweep,
      scheduler,
      context: contexts[1],
    };
    const { measure, dispose } = excitation(network, asked);
    return { combine, beforeStep: (zt, t, i) => excite(measure, asked, { zt, t, i, signal }), dispose };
  },
});

/** [rows, positions.length], a 1 in each column. */
function oneHotColumns(positions: readonly number[], rows: number): Tensor2D {
  const values = Array.from({ length: rows }, (_, row) => positions.map((p) => (p === row ? 1 : 0)));
  return tf.tensor2d(values, [rows, positions.length]);
}

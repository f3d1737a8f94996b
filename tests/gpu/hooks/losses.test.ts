// Losses of other methods in the same training step.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Adapter, disposeAdapter, initAdapter } from '../../../src/adapters/adapter.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../../../src/adapters/project.ts';
import { textAdapterTargets, unetAdapterTargets } from '../../../src/adapters/targets.ts';
import { denoise } from '../../../src/diffusion/denoise.ts';
import { noisingCoefficients } from '../../../src/diffusion/parametrization.ts';
import { encodeText } from '../../../src/models/text/run.ts';
import {
  type Scalar,
  scope,
  type Tensor,
  type Tensor1D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from '../../../src/tensor/tf.ts';
import type { LossFunction } from '../../../src/training/objectives.ts';
import { disposeOptimizer } from '../../../src/training/optimizer.ts';
import {
  microBatchGradients,
  type NoisedBatch,
  type TrainContext,
  trainStep,
} from '../../../src/training/trainStep.ts';
import { onBackends, relativeError, take } from '../kernels/harness.ts';
import {
  type Bench,
  batchOf,
  disposeBatch,
  OPTIONS,
  openBench,
  RANK,
  someAdapter,
  trainContext,
  trainState,
} from '../training/bench.ts';

onBackends('a loss function', () => {
  let bench: Bench;
  let adapter: Adapter;
  beforeAll(async () => {
    bench = await openBench();
    adapter = someAdapter(bench, 'dora');
  });
  afterAll(() => {
    disposeAdapter(adapter);
    bench.dispose();
  });

  /** Loss, and the gradients of all parameters one after the other. */
  const gradientsOf = async (
    batch: NoisedBatch,
    over: Partial<TrainContext> = {},
    of: Adapter = adapter,
  ): Promise<{ loss: number; gradient: Float32Array }> => {
    const norms = adapterWeightNorms(of);
    const found = await microBatchGradients(
      trainContext(bench, over),
      of,
      adapterProjector(of, norms),
      batch,
    );
    disposeWeightNorms(norms);
    const parts: number[] = [];
    for (const gradient of found.gradients) parts.push(...(await take(gradient)));
    return { loss: (await take(found.loss))[0] as number, gradient: Float32Array.from(parts) };
  };

  it('weighs rows (GORS)', async () => {
    const weights = [0.9, 0.25];
    const batch = batchOf(bench, 0, 2);
    const perRow = tf.tensor1d(weights);
    const weighted = await gradientsOf({ ...batch, weights: perRow });
    perRow.dispose();
    const rows = [batchOf(bench, 0, 1), batchOf(bench, 1, 2)];
    const alone: Awaited<ReturnType<typeof gradientsOf>>[] = [];
    for (const row of rows) alone.push(await gradientsOf(row));
    // mean over both rows of w_b MSE_b
    const mixed = (pick: (row: number) => number): number =>
      weights.reduce((sum, w, row) => sum + (w * pick(row)) / 2, 0);
    expect(weighted.loss).toBeCloseTo(
      mixed((row) => alone[row]?.loss as number),
      5,
    );
    const expected = weighted.gradient.map((_, i) => mixed((row) => alone[row]?.gradient[i] as number));
    expect(relativeError(weighted.gradient, expected)).toBeLessThan(1e-4);
    for (const made of [batch, ...rows]) disposeBatch(made);
  });

  /** e of each row: mean squared error against the target [N]. */
  const errors = (prediction: Tensor, target: Tensor4D): Tensor1D =>
    tf.mean(tf.squaredDifference(prediction, target), [1, 2, 3]);

  it.each([
    ['whole', false],
    ['byStage', false],
    ['whole', true],
  ] as const)('sees the base model on the same inputs, gradients %s, text encoder %s', async (mode, text) => {
    const unet = unetAdapterTargets(bench.model.unet);
    const targets = text ? [...unet, ...textAdapterTargets(bench.model.text)] : unet;
    const fresh = initAdapter('dora', RANK, targets, 3);
    const trained = someAdapter(bench, 'dora', { text });
    const batch = batchOf(bench, 0, 2, { text });
    // Kernels may be compiled ahead by a pass of its own, which sees it too.
    const seen = new Set<string>();
    const distance: LossFunction = ({ prediction, reference, target }) => {
      seen.add((reference as Tensor4D).shape.join());
      return tf.add(
        tf.mean(tf.squaredDifference(prediction, reference as Tensor4D)),
        tf.mul(tf.mean(tf.squaredDifference(prediction, target)), 0),
      ) as Scalar;
    };
    const over = { mode, loss: distance, withReference: true };
    // A fresh adapter is the base model; a moved one is not, and it is the base that stays where it was.
    expect((await gradientsOf(batch, over, fresh)).loss).toBeLessThan(1e-9);
    const moved = await gradientsOf(batch, over, trained);
    const base = await predictionOn(bench, batch, null);
    const own = await predictionOn(bench, batch, trained);
    const expected = own.reduce((sum, x, i) => sum + (x - (base[i] as number)) ** 2, 0) / own.length;
    expect(moved.loss / expected).toBeCloseTo(1, 3);
    expect([...seen]).toEqual(['2,8,8,4']);
    for (const made of [fresh, trained]) disposeAdapter(made);
    disposeBatch(batch);
  });

  it('compares a pair with the base model (Diffusion-DPO)', async () => {
    // L = -log sigmoid(-beta / 2 [(e_w - e_l) - (e_w^ref - e_l^ref)]): log 2 at the start.
    const beta = 20;
    const dpo: LossFunction = ({ prediction, reference, target }) => {
      const [win, lose] = tf.split(errors(prediction, target), 2) as [Tensor, Tensor];
      const [refWin, refLose] = tf.split(errors(reference as Tensor4D, target), 2) as [Tensor, Tensor];
      const margin = tf.sub(tf.sub(win, lose), tf.sub(refWin, refLose));
      return tf.mean(tf.softplus(tf.mul(margin, beta / 2))) as Scalar;
    };
    const batch = pair(batchOf(bench, 0, 2));
    let state = trainState(initAdapter('dora', RANK, unetAdapterTargets(bench.model.unet), 3));
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) {
      const context = trainContext(bench, { loss: dpo, withReference: true });
      const result = await trainStep(context, state, [batch], { ...OPTIONS, learningRate: 1e-2 });
      losses.push(result.loss);
      state = result.state;
    }
    expect(losses[0]).toBeCloseTo(Math.log(2), 5);
    expect(losses.at(-1)).toBeLessThan(Math.log(2) - 0.01);
    disposeOptimizer(state.optimizer);
    disposeBatch(batch);
  });

  it('pushes a wrong caption away, up to a clamp (HN-ITM)', async () => {
    // L = L+ - min(L-, lambda sg(L+)): rows 0 and 1 have their captions, rows 2 and 3 wrong ones.
    const hardNegatives =
      (lambda: number): LossFunction =>
      ({ prediction, target }) => {
        const [right, wrong] = tf.split(errors(prediction, target), 2) as [Tensor, Tensor];
        const positive = tf.mean(right);
        const limit = tf.mul(stopGradient(positive), lambda);
        return tf.sub(positive, tf.minimum(tf.mean(wrong), limit)) as Scalar;
      };
    const right = batchOf(bench, 0, 2);
    const wrong = { ...right, context: wrongCaptions(bench) };
    const both: NoisedBatch = scope(() => ({
      latents: tf.concat([right.latents, right.latents]) as Tensor4D,
      noise: tf.concat([right.noise, right.noise]) as Tensor4D,
      t: [...right.t, ...right.t],
      tokens: [],
      context: tf.concat([right.context as Tensor3D, wrong.context]) as Tensor3D,
    }));
    const [ofRight, ofWrong] = [await gradientsOf(right), await gradientsOf(wrong)];
    const clamped = await gradientsOf(both, { loss: hardNegatives(0.1) });
    expect(clamped.loss).toBeCloseTo(0.9 * ofRight.loss, 4);
    expect(relativeError(clamped.gradient, ofRight.gradient)).toBeLessThan(1e-3);
    const free = await gradientsOf(both, { loss: hardNegatives(10) });
    expect(free.loss).toBeCloseTo(ofRight.loss - ofWrong.loss, 4);
    const difference = ofRight.gradient.map((g, i) => g - (ofWrong.gradient[i] as number));
    expect(relativeError(free.gradient, difference)).toBeLessThan(1e-3);
    for (const made of [right, both]) disposeBatch(made);
    tf.dispose(wrong.context);
  });

  it('is told the velocity where the network predicts it', async () => {
    const velocities = await openBench({ prediction: 'v_prediction' });
    const batch = batchOf(velocities, 0, 2);
    let target: Tensor | undefined;
    const context = trainContext(velocities, {
      loss: (input) => {
        target?.dispose();
        target = tf.keep(input.target.clone());
        return tf.mean(tf.squaredDifference(input.prediction, input.target)) as Scalar;
      },
    });
    const fresh = initAdapter('lora', RANK, unetAdapterTargets(velocities.model.unet), 3);
    const found = await microBatchGradients(context, fresh, adapterProjector(fresh, new Map()), batch);
    const [latents, noise] = [await take(batch.latents.clone()), await take(batch.noise.clone())];
    // v = sqrt(alphasBar) eps - sqrt(1 - alphasBar) z
    const expected = latents.map((z, i) => {
      const alphaBar = velocities.session.schedule.alphasBar[
        batch.t[Math.floor(i / 256)] as number
      ] as number;
      return Math.sqrt(alphaBar) * (noise[i] as number) - Math.sqrt(1 - alphaBar) * z;
    });
    expect(relativeError(await take(target as unknown as Tensor), expected)).toBeLessThan(1e-6);
    tf.dispose([found.loss, [...found.gradients]]);
    disposeAdapter(fresh);
    disposeBatch(batch);
    velocities.dispose();
  });
});

/** The network's output on a batch's noised latents, prompts encoded with the adapter where it reaches them. */
async function predictionOn(
  bench: Bench,
  batch: NoisedBatch,
  adapter: Adapter | null,
): Promise<Float32Array> {
  const norms = adapter === null ? new Map() : adapterWeightNorms(adapter);
  const project = adapter === null ? undefined : adapterProjector(adapter, norms);
  const output = scope(() => {
    const context = batch.context ?? encodeText(bench.model.text, batch.tokens, { output: 'last', project });
    const rows = batch.t.map((t, row) => {
      const { signal, noise } = noisingCoefficients(bench.session.schedule, t);
      const part = (x: Tensor4D, factor: number): Tensor => tf.mul(tf.slice(x, [row], [1]), factor);
      return tf.add(part(batch.latents, signal), part(batch.noise, noise)) as Tensor4D;
    });
    const denoiser = { unet: bench.model.unet, adapter: project ?? null };
    return denoise(denoiser, tf.concat(rows) as Tensor4D, batch.t, [context]);
  });
  disposeWeightNorms(norms);
  return take(output);
}

/** The value without its gradient. */
function stopGradient(x: Tensor): Tensor {
  return tf.customGrad((value) => ({
    value: (value as Tensor).clone(),
    gradFunc: (dy) => tf.zerosLike(dy as Tensor),
  }))(x);
}

/** The second latent of the batch with the first one's noise, timestep and caption: a pair for one prompt. */
function pair(batch: NoisedBatch): NoisedBatch {
  const first = <T extends Tensor>(x: T): T =>
    tf.tidy(() => {
      const row = tf.slice(x, [0], [1]);
      return tf.concat([row, row]) as T;
    });
  const paired = {
    ...batch,
    noise: first(batch.noise),
    t: [batch.t[0] as number, batch.t[0] as number],
    context: first(batch.context as Tensor3D),
  };
  tf.dispose([batch.noise, batch.context as Tensor3D]);
  return paired;
}

function wrongCaptions(bench: Bench): Tensor3D {
  const tokens = ['no fish', 'a bird'].map((text) => bench.model.tokenizer.encode(text).ids);
  return encodeText(bench.model.text, tokens);
}

// Guidance as a function, moving the latent before a step, kernels and the trajectory.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SchedulerName } from '../../../src/contract/spec.ts';
import { createScheduler } from '../../../src/diffusion/createScheduler.ts';
import { denoise, latentGradient } from '../../../src/diffusion/denoise.ts';
import { type Combine, guideAndMeasure } from '../../../src/diffusion/guidance.ts';
import { logProb, logProbCoefficients } from '../../../src/diffusion/kernel.ts';
import { applyForm } from '../../../src/diffusion/parametrization.ts';
import {
  type Sampled,
  type SampleRequest,
  type StepRecord,
  sample,
  seededNoise,
} from '../../../src/diffusion/sample.ts';
import type { Scheduler } from '../../../src/diffusion/scheduler.ts';
import { resolveScheduler } from '../../../src/diffusion/schedulerConfig.ts';
import { float32Space } from '../../../src/diffusion/vectorSpace.ts';
import { embedPrompt, sessionScheduler } from '../../../src/procedures/session.ts';
import { type Scalar, scope, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';
import { type Bench, openBench } from '../training/bench.ts';

const SHAPE = [8, 8, 4] as const;
const STEPS = 4;

onBackends('the sampler', () => {
  let bench: Bench;
  let contexts: Tensor3D[];
  beforeAll(async () => {
    bench = await openBench();
    contexts = ['', 'a red cat'].map((text) => embedPrompt(bench.session, text));
  });
  afterAll(() => {
    tf.dispose(contexts);
    bench.dispose();
  });

  const run = (over: Partial<SampleRequest> = {}): Promise<Sampled> =>
    sample({
      denoiser: { unet: bench.model.unet, adapter: null },
      scheduler: sessionScheduler(bench.session, 'ddpm', STEPS),
      contexts,
      noise: seededNoise([7], SHAPE),
      combine: guideAndMeasure(3),
      ...over,
    });
  const latents = async (over: Partial<SampleRequest> = {}): Promise<Float32Array> =>
    take((await run(over)).latents);

  it('takes any rule that combines the outputs', async () => {
    const seen: number[][] = [];
    const conditionalOnly: Combine = ({ outputs, t, i }) => {
      seen.push([t, i]);
      return { output: tf.slice(outputs, [1], [1]) as Tensor4D, squaredDifference: null };
    };
    const run1 = await run({ combine: conditionalOnly });
    expect(run1.squaredDifference).toBeNull();
    expect(seen).toEqual(run1.timesteps.map((t, i) => [t, i]));
    const byHand = await take(run1.latents);
    expect(relativeError(await latents({ combine: guideAndMeasure(1) }), byHand)).toBeLessThan(1e-5);

    // Rescaled guidance (Lin et al. 2024, section 3.4): the guided output gets the conditional one's deviation.
    const rescaled: Combine = ({ outputs }) =>
      scope(() => {
        const [uncond, cond] = tf.split(outputs, 2) as [Tensor4D, Tensor4D];
        const guided = tf.add(uncond, tf.mul(tf.sub(cond, uncond), 3));
        const deviation = (x: Tensor4D): Scalar => tf.sqrt(tf.moments(x).variance) as Scalar;
        const output = tf.mul(guided, tf.div(deviation(cond), deviation(guided as Tensor4D))) as Tensor4D;
        return { output, squaredDifference: null };
      });
    expect(relativeError(await latents({ combine: rescaled }), await latents())).toBeGreaterThan(1e-3);
  });

  it('lets the latent be moved before a step', async () => {
    const plain = await latents();
    expect(await latents({ beforeStep: (zt) => zt })).toEqual(plain);
    const starts = trajectory();
    const moved = await latents({
      beforeStep: async (zt, _, i) => (i === 1 ? tf.add(zt, 0.25) : zt),
      onStep: starts.onStep,
    });
    expect(relativeError(moved, plain)).toBeGreaterThan(1e-3);
    const stills = trajectory();
    await latents({ onStep: stills.onStep });
    const of = (await starts.read()) as [Moment, Moment];
    const ofStill = (await stills.read()) as [Moment, Moment];
    expect(of.map(({ i }) => i)).toEqual([0, 1, 2, 3]);
    expect(of[0].zt).toEqual(ofStill[0].zt);
    const shifted = ofStill[1].zt.map((x) => x + 0.25);
    expect(relativeError(of[1].zt, shifted)).toBeLessThan(1e-6);
  });

  it('lets the latent descend along a loss of the prediction', async () => {
    const wanted = tf.tensor4d(randoms(3, 256), [1, 8, 8, 4]);
    const distance = (output: Tensor4D): Scalar => tf.mean(tf.squaredDifference(output, wanted)) as Scalar;
    const [, prompt] = contexts as [Tensor3D, Tensor3D];
    const losses: number[] = [];
    const sampled = await run({
      beforeStep: async (zt, t, i) => {
        if (i > 0) return zt;
        const denoiser = { unet: bench.model.unet, adapter: null };
        let current = zt;
        for (let step = 0; step < 3; step++) {
          const { loss, gradient } = await latentGradient(denoiser, current, t, [prompt], distance);
          losses.push((await take(loss))[0] as number);
          const next = tf.tidy(() => tf.sub(current, tf.mul(gradient, 5)) as Tensor4D);
          gradient.dispose();
          if (current !== zt) current.dispose();
          current = next;
        }
        return current;
      },
    });
    expect(losses[2]).toBeLessThan(losses[0] as number);
    tf.dispose([sampled.latents, wanted]);
  });

  const scheduler = (kind: SchedulerName, eta: number): Scheduler =>
    createScheduler({ ...resolveScheduler(bench.session.schedulerFile, kind), eta }, STEPS);

  it.each([
    ['ddpm', 0],
    ['ddim', 1],
  ] as const)('splits a %s step into mean, deviation and noise', async (kind, eta) => {
    const chosen = scheduler(kind, eta);
    const records = trajectory();
    const final = await latents({ scheduler: chosen, onStep: records.onStep });
    const steps = await records.read();
    expect(steps).toHaveLength(STEPS);
    expect(steps.at(-1)?.next).toEqual(final);
    for (const values of steps) {
      const kernel = chosen.kernel?.(values.i);
      if (kernel === undefined) throw new Error('this sampler has a kernel');
      const mean = applyForm(float32Space, kernel.mean, values.zt, values.output);
      const draw = chosen.noiseDraw(values.i);
      const noise = draw === null ? new Float32Array(256) : await take(seededNoise([7], SHAPE)(draw));
      const next = mean.map((m, j) => m + kernel.std * (noise[j] as number));
      expect(relativeError(values.next, next)).toBeLessThan(1e-5);
      // The density of what was drawn: log N(mean + std noise; mean, std) = -noise^2 / 2 - log std - log sqrt(2 pi).
      if (!(kernel.std > 1e-6)) continue;
      const expected =
        noise.reduce((sum, x) => sum - (x * x) / 2, 0) / 256 -
        Math.log(kernel.std) -
        Math.log(2 * Math.PI) / 2;
      const found = logProb(float32Space, kernel, { z: values.zt, output: values.output }, values.next);
      expect(Math.abs(found - expected)).toBeLessThan(1e-3);
    }
  });

  it('differentiates the log-probability of a transition', async () => {
    // What a policy gradient needs: d log p(next | zt, output) / d output on the tape, here of the network's latent.
    const chosen = scheduler('ddpm', 0);
    const kernel = chosen.kernel?.(1);
    if (kernel === undefined) throw new Error('this sampler has a kernel');
    const { scale, offset } = logProbCoefficients(kernel.std);
    const zt = tf.tensor4d(randoms(1, 256), [1, 8, 8, 4]);
    const next = tf.tensor4d(randoms(2, 256), [1, 8, 8, 4]);
    const denoiser = { unet: bench.model.unet, adapter: null };
    const [, prompt] = contexts as [Tensor3D, Tensor3D];
    const t = chosen.timesteps[1] as number;
    const density = (output: Tensor4D): Scalar => {
      const mean = tf.add(tf.mul(zt, kernel.mean.z), tf.mul(output, kernel.mean.output));
      return tf.add(tf.mul(tf.mean(tf.squaredDifference(next, mean)), scale), offset) as Scalar;
    };
    const { loss, gradient } = await latentGradient(denoiser, zt, t, [prompt], density);
    const output = await take(denoise(denoiser, zt, t, [prompt]));
    const plain = logProb(
      float32Space,
      kernel,
      { z: await take(zt.clone()), output },
      await take(next.clone()),
    );
    expect((await take(loss))[0] as number).toBeCloseTo(plain, 3);
    expect(Math.hypot(...(await take(gradient)))).toBeGreaterThan(0);
    tf.dispose([zt, next]);
  });

  it('has no log-probability where a step adds no noise', () => {
    expect(() => logProbCoefficients(scheduler('ddim', 0).kernel?.(0).std ?? Number.NaN)).toThrow(
      'adds no noise',
    );
  });

  it.each(['euler', 'pndm', 'dpmpp2m'] as const)(
    'frees everything with %s, also when it is stopped',
    async (kind) => {
      const chosen = sessionScheduler(bench.session, kind, STEPS);
      await latents({ scheduler: chosen });
      const tensors = tf.memory().numTensors;
      expect((await latents({ scheduler: chosen })).every(Number.isFinite)).toBe(true);
      const controller = new AbortController();
      const stopped = run({
        scheduler: chosen,
        signal: controller.signal,
        onStep: ({ i }) => {
          if (i === 2) controller.abort();
        },
      });
      await expect(stopped).rejects.toThrow('abort');
      expect(tf.memory().numTensors).toBe(tensors);
    },
  );

  it('frees everything when a consumer fails', async () => {
    const tensors = tf.memory().numTensors;
    const fail = (): never => {
      throw new Error('consumer failed');
    };
    const moving = async (zt: Tensor4D): Promise<Tensor4D> => tf.add(zt, 1);
    await expect(run({ combine: fail })).rejects.toThrow('consumer failed');
    await expect(run({ onStep: fail })).rejects.toThrow('consumer failed');
    await expect(run({ beforeStep: fail })).rejects.toThrow('consumer failed');
    await expect(run({ beforeStep: moving, combine: fail })).rejects.toThrow('consumer failed');
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

type Moment = {
  readonly i: number;
  readonly zt: Float32Array;
  readonly output: Float32Array;
  readonly next: Float32Array;
};

/** A trajectory sink: copies on the backend during the run, read back afterwards. */
function trajectory(): { onStep(record: StepRecord): void; read(): Promise<Moment[]> } {
  const kept: { i: number; zt: Tensor4D; output: Tensor4D; next: Tensor4D }[] = [];
  return {
    onStep: ({ i, zt, output, next }) =>
      kept.push({ i, zt: zt.clone(), output: output.clone(), next: next.clone() }),
    read: async () => {
      const moments: Moment[] = [];
      for (const { i, zt, output, next } of kept) {
        moments.push({ i, zt: await take(zt), output: await take(output), next: await take(next) });
      }
      return moments;
    },
  };
}

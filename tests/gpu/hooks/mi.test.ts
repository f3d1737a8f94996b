// Mutual information on the network: along sampling paths, from stored traces, and by noising again.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { EVERYTHING_FITS } from '../../../src/contract/policy.ts';
import { denoise } from '../../../src/diffusion/denoise.ts';
import { latentNoise } from '../../../src/diffusion/latentNoise.ts';
import { noisingCoefficients } from '../../../src/diffusion/parametrization.ts';
import { scoreSoFar } from '../../../src/mi/earlyStop.ts';
import { kappa } from '../../../src/mi/kappa.ts';
import { type RenoiseMeasurement, scoreRenoised } from '../../../src/mi/renoisedScore.ts';
import { NO_TRUNCATION, scoreTrace } from '../../../src/mi/score.ts';
import { drawAndScore, type ScoredCandidate } from '../../../src/procedures/drawAndScore.ts';
import type { DrawnCandidate, StoppedCandidate } from '../../../src/procedures/drawJob.ts';
import { drawPool, type PoolTask } from '../../../src/procedures/drawPool.ts';
import { measureSet, middleTimesteps } from '../../../src/procedures/measureSet.ts';
import { embedPrompt, type Session, sessionScheduler } from '../../../src/procedures/session.ts';
import { type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';
import { type Bench, openBench } from '../training/bench.ts';

const STEPS = 4;
const SCORE = { weights: 'code', truncation: 50, noiseDraws: 1 } as const;
const TASKS: readonly PoolTask[] = [
  {
    prompt: 0,
    text: 'a red cat',
    candidates: [11, 12, 13, 14].map((seed, candidate) => ({ candidate, seed })),
  },
  { prompt: 2, text: 'the dog', candidates: [{ candidate: 1, seed: 22 }] },
];

onBackends('mutual information', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench.dispose());

  const pool = async (guidance: number, batch: number, of = bench): Promise<DrawnCandidate[]> => {
    const scheduler = sessionScheduler(of.session, 'ddpm', STEPS);
    const drawn: DrawnCandidate[] = [];
    for await (const group of drawPool(of.session, null, TASKS, { scheduler, guidance, batch }))
      drawn.push(...group);
    return drawn;
  };

  it('of a candidate does not depend on who shares its batch', async () => {
    const alone = await pool(4, 1);
    expect(alone.map(({ prompt, candidate, seed }) => [prompt, candidate, seed])).toEqual([
      [0, 0, 11],
      [0, 1, 12],
      [0, 2, 13],
      [0, 3, 14],
      [2, 1, 22],
    ]);
    // To the bit, latents and traces, on both backends.
    expect(await pool(4, 4)).toEqual(alone);
    expect(await pool(4, 3)).toEqual(alone);
  });

  it('of a candidate does not depend on which prompts share the batch that keeps a GPU busy', async () => {
    const busy = { ...bench, session: { ...bench.session, policy: { ...EVERYTHING_FITS, drawAtLeast: 32 } } };
    const scheduler = sessionScheduler(busy.session, 'ddpm', STEPS);
    const batches: (readonly DrawnCandidate[])[] = [];
    for await (const batch of drawPool(busy.session, null, TASKS, { scheduler, guidance: 4, batch: 2 }))
      batches.push(batch);
    expect(batches.map((batch) => batch.length)).toEqual([5]);
    expect(batches.flat()).toEqual(await pool(4, 1));
    const score = {
      ...SCORE,
      path: 'renoise',
      estimator: 'standard',
    } as const;
    const scored = async (session: Session): Promise<(readonly ScoredCandidate[])[]> => {
      const groups: (readonly ScoredCandidate[])[] = [];
      const options = { scheduler, guidance: 4, batch: 2, score, meters: [] };
      for await (const group of drawAndScore(session, null, TASKS, options)) groups.push(group);
      return groups;
    };
    const groups = await scored(busy.session);
    expect(groups.map((group) => group.map((c) => [c.prompt, c.candidate]))).toEqual([
      [
        [0, 0],
        [0, 1],
        [0, 2],
        [0, 3],
      ],
      [[2, 1]],
    ]);
    expect(groups.flat().map((c) => c.score)).toEqual(
      (await scored(bench.session)).flat().map((c) => c.score),
    );
  });

  it.each([
    ['ddpm', 1, 2],
    ['ddim', 1, 3],
    ['euler', 1, 2],
    ['pndm', 1, 4],
    ['dpmpp2m', 1, 2],
    ['ddpm', 32, 2],
    ['pndm', 32, 2],
  ] as const)(
    'of those that go on does not depend on who is stopped beside them: %s, at least %i at once, in batches of %i',
    async (kind, drawAtLeast, batch) => {
      const session = { ...bench.session, policy: { ...EVERYTHING_FITS, drawAtLeast } };
      const scheduler = sessionScheduler(session, kind, 5);
      const stopped: StoppedCandidate[] = [];
      const onStopped = async (some: readonly StoppedCandidate[]) => void stopped.push(...some);
      const coefficients = [1, 1];
      const all = async (tasks: readonly PoolTask[]): Promise<DrawnCandidate[]> => {
        const stop = { steps: 2, coefficients, onStopped };
        const drawn: DrawnCandidate[] = [];
        for await (const group of drawPool(session, null, tasks, { scheduler, guidance: 4, batch, stop }))
          drawn.push(...group);
        return drawn;
      };
      const whole = await all(TASKS);
      expect(stopped).toEqual([]);
      const tensors = tf.memory().numTensors;
      const [first, second] = TASKS as [PoolTask, PoolTask];
      const thinned = await all([{ ...first, thin: { goOn: 2, known: [] } }, second]);
      expect(tf.memory().numTensors).toBe(tensors);
      const scoreOf = (c: DrawnCandidate): number => scoreSoFar(coefficients, c.squaredDifference);
      const lower = whole
        .slice(0, 4)
        .toSorted((a, b) => scoreOf(a) - scoreOf(b))
        .slice(0, 2);
      expect(stopped.map(({ candidate }) => candidate).sort()).toEqual(
        lower.map(({ candidate }) => candidate).sort(),
      );
      for (const { candidate, score } of stopped)
        expect(score).toBe(scoreOf(whole[candidate] as DrawnCandidate));
      // To the bit, latents and traces.
      expect(thinned).toEqual(whole.filter((c) => !lower.includes(c)));
    },
  );

  it('frees everything where a thinned pool is left in the middle', async () => {
    const tensors = tf.memory().numTensors;
    const task = { ...(TASKS[0] as PoolTask), thin: { goOn: 2, known: [] } };
    const scheduler = sessionScheduler(bench.session, 'pndm', 5);
    const draw = async (onStopped: () => Promise<void>): Promise<void> => {
      const stop = { steps: 3, coefficients: [1, 1, 1], onStopped };
      for await (const _ of drawPool(bench.session, null, [task], { scheduler, guidance: 4, batch: 1, stop }))
        return;
    };
    await draw(async () => undefined);
    expect(tf.memory().numTensors).toBe(tensors);
    const full = async (): Promise<void> => {
      throw new Error('no room');
    };
    await expect(draw(full)).rejects.toThrow('no room');
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('is measured on raw outputs along the path that guidance gives', async () => {
    const [guided, conditional] = [await pool(4, 4), await pool(1, 4)] as [
      DrawnCandidate[],
      DrawnCandidate[],
    ];
    for (const [i, candidate] of guided.entries()) {
      const other = conditional[i] as DrawnCandidate;
      // Both paths begin at the same noise, and guidance does not enter the difference.
      expect(candidate.squaredDifference[0]).toBe(other.squaredDifference[0]);
      expect(candidate.squaredDifference[1]).not.toBe(other.squaredDifference[1]);
      expect(candidate.latent).not.toEqual(other.latent);
    }
    const first = TASKS[0] as PoolTask;
    const zt = latentNoise([first.candidates[0]?.seed as number], 0, [8, 8, 4]);
    const contexts = ['', first.text].map((text) => embedPrompt(bench.session, text));
    const t = sessionScheduler(bench.session, 'ddpm', STEPS).timesteps[0] as number;
    const both = await take(denoise({ unet: bench.model.unet, adapter: null }, zt, t, contexts));
    const [uncond, cond] = [both.subarray(0, 256), both.subarray(256)];
    const expected = cond.reduce((sum, x, i) => sum + (x - (uncond[i] as number)) ** 2, 0);
    expect((guided[0]?.squaredDifference[0] as number) / expected).toBeCloseTo(1, 4);
    tf.dispose([zt, contexts]);
  });

  it('can be scored anew from the stored trace', async () => {
    const { schedule } = bench.session;
    const { timesteps } = sessionScheduler(bench.session, 'ddpm', STEPS);
    const [{ squaredDifference }] = (await pool(4, 4)) as [DrawnCandidate];
    const stored = Float32Array.from(squaredDifference);
    expect([...stored]).toEqual(squaredDifference);
    const trace = timesteps.map((t, i) => ({ t, squaredDifference: stored[i] as number }));
    const terms = (variant: 'eq2' | 'code', above: number): number[] =>
      trace
        .filter(({ t }) => t > above)
        .map(({ t, squaredDifference: d }) => kappa(schedule, t, variant) * d);
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    const score = (weights: 'eq2' | 'code' | 'none', truncation: number): number =>
      scoreTrace(schedule, trace, { weights, truncation });
    expect(score('code', 50)).toBeCloseTo(mean(terms('code', 50)), 9);
    expect(score('eq2', NO_TRUNCATION)).toBeCloseTo(mean(terms('eq2', -1)), 9);
    expect(score('none', NO_TRUNCATION)).toBeCloseTo(
      stored.reduce((a, b) => a + b),
      9,
    );
    expect(() => score('code', 990)).toThrow('no score');
  });

  it('counts velocities as the noises they stand for', async () => {
    const velocities = await openBench({ prediction: 'v_prediction' });
    const [asNoise] = (await pool(4, 1)) as [DrawnCandidate];
    const [asVelocity] = (await pool(4, 1, velocities)) as [DrawnCandidate];
    const t = sessionScheduler(bench.session, 'ddpm', STEPS).timesteps[0] as number;
    // The same outputs at the first step: deltaEps = sqrt(alphasBar) deltaV.
    const ratio = (asVelocity.squaredDifference[0] as number) / (asNoise.squaredDifference[0] as number);
    expect(ratio / (bench.session.schedule.alphasBar[t] as number)).toBeCloseTo(1, 5);
    velocities.dispose();
  });

  const IMAGES = ['a red cat', 'the dog', 'a red cat'].map((text, i) => ({
    text,
    latent: randoms(70 + i, 256),
  }));
  const GRID = middleTimesteps(1000, 3);

  it('by noising again has standard errors that shrink with the draws', async () => {
    const { schedule } = bench.session;
    const measured = await measureSet(bench.session, null, IMAGES.slice(0, 1), {
      grid: GRID,
      draws: 16,
      seed: 5,
      batch: 1,
    });
    const [all] = measured as [(typeof measured)[number]];
    const options = { weights: 'code', truncation: NO_TRUNCATION } as const;
    const withDraws = (draws: number) =>
      scoreRenoised(
        schedule,
        all.filter((m) => m.draw < draws),
        options,
      );
    expect(withDraws(1).orthogonal.standardError).toBeNull();
    for (const estimator of ['orthogonal', 'standard'] as const) {
      const errors = [4, 16].map((draws) => withDraws(draws)[estimator].standardError as number);
      const [few, many] = errors as [number, number];
      // 1 / sqrt(4), give or take what a standard deviation from 4 draws at 3 timesteps is uncertain by.
      expect(many / few).toBeGreaterThan(0.25);
      expect(many / few).toBeLessThan(0.9);
    }
    expect(all.every((m) => m.squaredDifference >= 0)).toBe(true);
  });

  it('by noising again measures what it says, on noises that all images share', async () => {
    const { schedule } = bench.session;
    const options = { grid: GRID, draws: 1, seed: 5 };
    const together = await measureSet(bench.session, null, IMAGES, { ...options, batch: 3 });
    const alone = await measureSet(bench.session, null, IMAGES, { ...options, batch: 1 });
    expect(together).toEqual(alone);
    const same = await measureSet(bench.session, null, [IMAGES[0], IMAGES[0]] as typeof IMAGES, {
      ...options,
      batch: 2,
    });
    const [a, b] = same as [(typeof same)[number], (typeof same)[number]];
    expect(a).toEqual(b);

    const measurement = alone[1]?.[0];
    if (measurement === undefined) throw new Error('nothing was measured');
    // The grid is visited from the highest timestep down, so noise 0 belongs to it.
    const noise = await take(latentNoise([options.seed], 0, [8, 8, 4]));
    const c = noisingCoefficients(schedule, measurement.t);
    const image = IMAGES[1] as (typeof IMAGES)[number];
    const zt = tf.tensor4d(
      noise.map((e, i) => c.signal * (image.latent[i] as number) + c.noise * e),
      [1, 8, 8, 4],
    );
    const contexts = ['', image.text].map((text) => embedPrompt(bench.session, text));
    const outputs = await take(
      denoise({ unet: bench.model.unet, adapter: null }, zt as Tensor4D, measurement.t, contexts),
    );
    const distance = (x: Float32Array, y: Float32Array): number =>
      x.reduce((sum, v, i) => sum + (v - (y[i] as number)) ** 2, 0);
    const [uncond, cond] = [outputs.slice(0, 256), outputs.slice(256)];
    const { squaredDifference, uncondError, condError } = measurement;
    expect(
      relativeError(
        [squaredDifference, uncondError, condError],
        [distance(cond, uncond), distance(uncond, noise), distance(cond, noise)],
      ),
    ).toBeLessThan(1e-4);
    tf.dispose([zt, contexts]);
  });

  it('by noising again gives velocities in noise units', async () => {
    const velocities = await openBench({ prediction: 'v_prediction' });
    const options = { grid: [500], draws: 1, seed: 5, batch: 1 };
    const measure = async (of: Bench): Promise<RenoiseMeasurement> => {
      const [image] = await measureSet(of.session, null, IMAGES.slice(0, 1), options);
      return image?.[0] as RenoiseMeasurement;
    };
    const [asNoise, asVelocity] = [await measure(bench), await measure(velocities)];
    const alphaBar = bench.session.schedule.alphasBar[500] as number;
    expect(asVelocity.squaredDifference / asNoise.squaredDifference / alphaBar).toBeCloseTo(1, 5);
    // eps - epsCond = sqrt(alphasBar) (v - vCond), as zt is shared.
    const image = IMAGES[0] as (typeof IMAGES)[number];
    const noise = await take(latentNoise([5], 0, [8, 8, 4]));
    const [a, s] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
    const zt = tf.tensor4d(
      noise.map((e, i) => a * (image.latent[i] as number) + s * e),
      [1, 8, 8, 4],
    );
    const context = embedPrompt(velocities.session, image.text);
    const v = await take(denoise({ unet: velocities.model.unet, adapter: null }, zt, 500, [context]));
    const ztValues = await take(zt);
    const expected = noise.reduce(
      (sum, e, i) => sum + (e - (s * (ztValues[i] as number) + a * (v[i] as number))) ** 2,
      0,
    );
    expect(asVelocity.condError / expected).toBeCloseTo(1, 4);
    context.dispose();
    velocities.dispose();
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addNoise } from '../../../src/diffusion/parametrization.ts';
import { heldVectors, type SamplerState } from '../../../src/diffusion/scheduler.ts';
import { float32Space } from '../../../src/diffusion/vectorSpace.ts';
import '../../helpers/toBeAllClose.ts';
import { type Run, sample, schedulerFor } from './samplerSetup.ts';

type GoldenRun = Required<Pick<Run, 'scheduler' | 'steps' | 'spacing' | 'prediction'>> & {
  readonly initNoiseSigma: number;
  /** One row per state, or only the last one as `final`. */
  readonly trajectory?: number[][];
  readonly final?: number[];
  readonly predOriginal?: number[][];
  readonly noise?: number[][];
  readonly variance?: number[];
};
type Golden = { readonly xUnit: number[]; readonly runs: GoldenRun[] };
const golden = JSON.parse(readFileSync('tests/golden/schedulers.json', 'utf8')) as Golden;
const unit = Float32Array.from(golden.xUnit);
const TOLERANCE = { atol: 5e-5, rtol: 1e-5 };

/** The network of the reference runs, 0.3 x + 0.1 sin(x). */
const fakeNetwork = (x: Float32Array) => x.map((value) => 0.3 * value + 0.1 * Math.sin(value));

describe('trajectories of diffusers', () => {
  it.each(golden.runs)('$scheduler $spacing $prediction $steps', (run) => {
    const scheduler = schedulerFor({
      scheduler: run.scheduler,
      steps: run.steps,
      spacing: run.spacing,
      prediction: run.prediction,
    });
    expect(scheduler.initNoiseSigma).toBe(run.initNoiseSigma);
    const noise = (run.noise ?? []).map((draw) => Float32Array.from(draw));
    const { states, outputs } = sample(scheduler, fakeNetwork, { unit, noise });
    for (const [i, expected] of (run.trajectory ?? []).entries()) {
      expect(states[i]?.z).toBeAllClose(expected, TOLERANCE);
    }
    for (const [i, expected] of (run.predOriginal ?? []).entries()) {
      const { z } = states[i] ?? { z: unit };
      expect(scheduler.predictOriginal(float32Space, z, i, outputs[i] ?? unit)).toBeAllClose(
        expected,
        TOLERANCE,
      );
    }
    for (const [i, expected] of (run.variance ?? []).entries()) {
      expect([(scheduler.kernel?.(i).std ?? 0) ** 2]).toBeAllClose([expected], { rtol: 3e-6 });
    }
    expect(states.at(-1)?.z).toBeAllClose(run.final ?? run.trajectory?.at(-1) ?? [], TOLERANCE);
  });
});

const EXACT_KINDS = ['ddim', 'euler', 'dpmpp2m'] as const;
const SPACINGS = ['leading', 'trailing', 'linspace'] as const;
const PREDICTIONS = ['epsilon', 'v_prediction'] as const;

describe('on a network that knows the clean latent', () => {
  const clean = Float32Array.of(0.4, -1.3, 2, 0.05);
  const noise = Float32Array.of(-0.2, 0.9, 1.1, -1.7);

  // Deterministic samplers are exact here, whatever their order and grid: z0 and eps stay what they are. PNDM is so
  // only for noise prediction (it averages outputs of several timesteps) and on grids its fixed stride matches.
  const runs = SPACINGS.flatMap((spacing) =>
    PREDICTIONS.flatMap((prediction) => EXACT_KINDS.map((scheduler) => ({ scheduler, spacing, prediction }))),
  );
  const plms = (['leading', 'trailing'] as const).map((spacing) => ({
    scheduler: 'pndm' as const,
    spacing,
    prediction: 'epsilon' as const,
  }));
  it.each([...runs, ...plms])('$scheduler $spacing $prediction finds it', (run) => {
    const scheduler = schedulerFor({ ...run, steps: 20, file: { set_alpha_to_one: true } });
    const sigma0 = 1 / scheduler.scaleModelInput(0);
    const start =
      run.scheduler === 'euler'
        ? float32Space.combine([
            [1, clean],
            [Math.sqrt(sigma0 ** 2 - 1), noise],
          ])
        : addNoise(float32Space, scheduler.schedule, scheduler.timesteps[0] ?? 0, clean, noise);
    let state = scheduler.start(start);
    for (const i of scheduler.timesteps.keys()) {
      // The output that makes z at this evaluation consistent with `clean`, read off predictOriginal itself.
      const zero = scheduler.predictOriginal(float32Space, state.z, i, new Float32Array(4));
      const slope = scheduler.predictOriginal(
        float32Space,
        new Float32Array(4),
        i,
        new Float32Array(4).fill(1),
      );
      const output = clean.map((x, j) => (x - (zero[j] ?? 0)) / (slope[j] ?? 1));
      state = scheduler.step(float32Space, state, i, { output, noise: null });
    }
    expect(state.z).toBeAllClose(clean, { atol: 5e-6 });
  });
});

describe('one step', () => {
  it.each(['ddpm', 'ddim', 'euler', 'pndm', 'dpmpp2m'] as const)(
    'of %s is one linear combination',
    (kind) => {
      const scheduler = schedulerFor({ scheduler: kind, steps: 20 });
      let combinations = 0;
      const counting: typeof float32Space = {
        ...float32Space,
        combine(terms) {
          combinations += 1;
          return float32Space.combine(terms);
        },
      };
      let state: SamplerState<Float32Array> = scheduler.start(unit);
      for (const i of scheduler.timesteps.keys()) {
        state = scheduler.step(counting, state, i, { output: fakeNetwork(state.z), noise: unit });
      }
      expect(combinations).toBe(scheduler.timesteps.length);
    },
  );

  it('keeps at most what its order needs', () => {
    const most = (kind: Run['scheduler']) => {
      const scheduler = schedulerFor({ scheduler: kind, steps: 20 });
      const noise = Array.from({ length: 20 }, () => unit);
      return Math.max(
        ...sample(scheduler, fakeNetwork, { unit, noise }).states.map((s) => heldVectors(s).size),
      );
    };
    // z, and: nothing; the previous z and output; three outputs.
    expect([most('ddpm'), most('ddim'), most('euler'), most('dpmpp2m'), most('pndm')]).toEqual([
      1, 1, 1, 3, 4,
    ]);
  });
});

describe('step noise', () => {
  it('is drawn by DDPM at every t above 0, after the initial latent', () => {
    const leading = schedulerFor({ scheduler: 'ddpm', steps: 50, spacing: 'leading' });
    expect([leading.noiseDraws, leading.noiseDraw(0), leading.noiseDraw(49)]).toEqual([50, 1, 50]);
    const linspace = schedulerFor({ scheduler: 'ddpm', steps: 50, spacing: 'linspace' });
    expect([linspace.noiseDraws, linspace.noiseDraw(48), linspace.noiseDraw(49)]).toEqual([49, 49, null]);
  });

  it('is drawn by DDIM only with eta above 0', () => {
    expect(schedulerFor({ scheduler: 'ddim', steps: 50 }).noiseDraws).toBe(0);
    expect(schedulerFor({ scheduler: 'ddim', steps: 50, eta: 1 }).noiseDraws).toBe(50);
  });

  it('is missed loudly', () => {
    const scheduler = schedulerFor({ scheduler: 'ddpm', steps: 50 });
    const step = () => scheduler.step(float32Space, scheduler.start(unit), 0, { output: unit, noise: null });
    expect(step).toThrow('needs its noise draw');
  });
});

describe('createScheduler', () => {
  it.each([
    [{ scheduler: 'ddim', steps: 1000, spacing: 'leading' }, 't = 1000'],
    [{ scheduler: 'dpmpp2m', steps: 1000, spacing: 'leading' }, 'same noise level'],
    [{ scheduler: 'ddpm', steps: 0 }, 'from 1 to 1000'],
    [{ scheduler: 'ddpm', steps: 2.5 }, 'from 1 to 1000'],
    [{ scheduler: 'euler', steps: 1001 }, 'from 1 to 1000'],
  ] as const satisfies [Run, string][])('refuses %o', (run, why) => {
    expect(() => schedulerFor(run)).toThrow(why);
  });
});

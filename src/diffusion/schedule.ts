/**
 * Noise schedule of a variance-preserving diffusion model: z_t = sqrt(alphasBar_t) z0 + sqrt(1 - alphasBar_t) eps
 * (Ho et al. 2020, eq. 4), t a 0-based training index.
 *
 * The tables exist twice. `float32` repeats the roundings of diffusers on a CPU, so that sampling and
 * scores can be compared with it number by number; `float64` is the schedule as the formulas define it.
 */

type BetaSchedule = 'linear' | 'scaled_linear' | 'squaredcos_cap_v2';

export type ScheduleConfig = {
  readonly numTrainTimesteps: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: BetaSchedule;
};

type SchedulePrecision = 'float32' | 'float64';

/** Tables indexed by training timestep; values are float64, rounded to float32 where `precision` says so. */
export type NoiseSchedule = {
  readonly T: number;
  readonly precision: SchedulePrecision;
  readonly betas: Float64Array;
  readonly alphas: Float64Array;
  readonly alphasBar: Float64Array;
  /** lambda_t = log(alphasBar / (1 - alphasBar)), always in float64. */
  readonly logSnr: Float64Array;
};

/** The schedule of Stable Diffusion 1.x and 2.x. */
export const STABLE_DIFFUSION_SCHEDULE = {
  numTrainTimesteps: 1000,
  betaStart: 0.00085,
  betaEnd: 0.012,
  betaSchedule: 'scaled_linear',
} as const satisfies ScheduleConfig;

/** Builds the tables. The config is trusted: `schedulerConfig.ts` validates files. */
export function createSchedule(
  config: ScheduleConfig,
  precision: SchedulePrecision = 'float32',
): NoiseSchedule {
  const round = precision === 'float32' ? Math.fround : (x: number) => x;
  const T = config.numTrainTimesteps;
  const betas = createBetas(config, precision);
  const alphas = betas.map((beta) => round(1 - beta));
  const alphasBar = new Float64Array(T);
  // torch accumulates a float32 cumprod in double and rounds each stored value.
  let product = 1;
  for (let t = 0; t < T; t++) {
    product *= at(alphas, t);
    alphasBar[t] = round(product);
  }
  const logSnr = alphasBar.map((alphaBar) => Math.log(alphaBar) - Math.log1p(-alphaBar));
  return { T, precision, betas, alphas, alphasBar, logSnr };
}

/**
 * Table value at a possibly fractional timestep, linear between neighbors and constant past the ends
 * (as `np.interp`; Euler with linspace spacing visits fractional timesteps).
 */
export function interpolate(table: Float64Array, t: number): number {
  const last = table.length - 1;
  const clamped = Math.min(Math.max(t, 0), last);
  const low = Math.floor(clamped);
  const below = at(table, low);
  if (low === clamped) return below;
  return below + (at(table, low + 1) - below) * (clamped - low);
}

function createBetas(config: ScheduleConfig, precision: SchedulePrecision): Float64Array {
  const { numTrainTimesteps: T, betaStart, betaEnd } = config;
  const round = precision === 'float32' ? Math.fround : (x: number) => x;
  const linspace = precision === 'float32' ? linspaceFloat32 : linspaceFloat64;
  switch (config.betaSchedule) {
    case 'linear':
      return linspace(betaStart, betaEnd, T);
    case 'scaled_linear':
      return linspace(Math.sqrt(betaStart), Math.sqrt(betaEnd), T).map((root) => round(root * root));
    case 'squaredcos_cap_v2':
      return cosineBetas(T).map(round);
    default:
      return config.betaSchedule satisfies never;
  }
}

/** Nichol and Dhariwal 2021, eq. 17, betas capped at 0.999. */
function cosineBetas(T: number): Float64Array {
  const alphaBar = (s: number) => Math.cos(((s + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  return Float64Array.from({ length: T }, (_, t) =>
    Math.min(1 - alphaBar((t + 1) / T) / alphaBar(t / T), 0.999),
  );
}

function linspaceFloat64(start: number, end: number, count: number): Float64Array {
  const step = (end - start) / (count - 1);
  return Float64Array.from({ length: count }, (_, i) => (i === count - 1 ? end : start + step * i));
}

/**
 * torch.linspace in float32 as an AVX2 build computes it: blocks of eight, the first of each anchored
 * at the nearer end with one fused multiply-add, the other lanes stepping from it.
 */
function linspaceFloat32(start: number, end: number, count: number): Float64Array {
  const LANES = 8;
  const first = Math.fround(start);
  const last = Math.fround(end);
  const step = Math.fround(Math.fround(last - first) / Math.fround(count - 1));
  const out = new Float64Array(count);
  for (let i = 0; i < count; ) {
    const anchor = i < Math.floor(count / 2) ? first + step * i : last - step * (count - i - 1);
    const lanes = i + LANES <= count ? LANES : 1;
    for (let lane = 0; lane < lanes; lane++) {
      out[i + lane] = Math.fround(Math.fround(anchor) + Math.fround(step * lane));
    }
    i += lanes;
  }
  return out;
}

function at(table: Float64Array, index: number): number {
  return table[index] ?? Number.NaN;
}

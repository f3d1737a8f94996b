/** How long network evaluations take on this machine: measured where a run has been, else worked out and said to be so. */
import { drawingCores } from '../../contract/backend.ts';
import type { BackendReport, ModelReport } from '../../contract/runTypes.ts';
import type { MiTuneSpec } from '../../contract/spec.ts';
import { drawingMethod } from '../../methods/registry.ts';
import type { Forecast } from './forecast.ts';
import { readSpeed, type TextStore } from './speed.ts';

export type TimeEstimate = {
  /** By one worker, on the processor. */
  readonly secondsPerEvaluation: number;
  /**
   * `measured`: with this model on this backend. `scaled`: with the shapes model, by the number of multiplications;
   * small models keep a GPU less busy, so a large one may be faster. `assumed`: nothing was measured here yet.
   */
  readonly basis: 'measured' | 'scaled' | 'assumed';
};

/**
 * Multiplications per parameter and latent pixel of one UNet evaluation: 339e9 for the 866e6 parameters of SD 2.1 at
 * 64 x 64, and 101e6 for the 4.28e6 of the shapes model at 8 x 8 (its deepest level is only once smaller).
 */
const STABLE_DIFFUSION_RATIO = 339e9 / (866e6 * 64 ** 2);
const SHAPES_RATIO = 101e6 / (4.28e6 * 8 ** 2);
const SHAPES = { names: ['shapes-2', 'shapes'], multiplications: 101e6 } as const;
const VAE_FACTOR = 8;
/** Multiplications a second that a middling machine sustains: a consumer GPU in a browser, one processor core. */
const ASSUMED = { webgpu: 1e12, wasm: 1e10 } as const;

/** Multiplications of one evaluation at an image size in pixels. */
export function multiplications({ parameters, shapesWorld }: ModelReport, size: number): number {
  const pixels = (size / VAE_FACTOR) ** 2;
  return parameters.unet * pixels * (shapesWorld ? SHAPES_RATIO : STABLE_DIFFUSION_RATIO);
}

/** Seconds of a network evaluation: as measured with this model, else scaled from another, else assumed. */
export function estimateTime(
  store: TextStore,
  model: ModelReport,
  { name: backend }: Pick<BackendReport, 'name'>,
  size: number,
): TimeEstimate {
  const work = multiplications(model, size);
  const measured = readSpeed(store, model.name, backend);
  // Measured at the model's own size; others scale with the number of pixels.
  if (measured !== null) {
    const secondsPerEvaluation = (measured * work) / multiplications(model, model.imageSize);
    return { secondsPerEvaluation, basis: 'measured' };
  }
  const shapes = SHAPES.names.map((name) => readSpeed(store, name, backend)).find((speed) => speed !== null);
  if (shapes !== undefined)
    return { secondsPerEvaluation: (shapes * work) / SHAPES.multiplications, basis: 'scaled' };
  return { secondsPerEvaluation: work / ASSUMED[backend], basis: 'assumed' };
}

/** Workers that draw a run's images side by side: a method's own rule keeps to one. */
export function coresOf(
  methods: Pick<MiTuneSpec, 'method' | 'drawnBy'>,
  model: Pick<ModelReport, 'sizeBytes'>,
  backend: Pick<BackendReport, 'name' | 'cores'>,
): number {
  return drawingMethod(methods) === null ? drawingCores(backend, model.sizeBytes) : 1;
}

/** Seconds of a run whose images are drawn by so many workers; all else is done by one. */
export function secondsOf(
  { samplingEvaluations, evaluations }: Pick<Forecast, 'samplingEvaluations' | 'evaluations'>,
  { secondsPerEvaluation }: Pick<TimeEstimate, 'secondsPerEvaluation'>,
  cores: number,
): number {
  return (evaluations - samplingEvaluations + samplingEvaluations / cores) * secondsPerEvaluation;
}

/** From the settings of a load plan to how methods run, and the settings a model starts with. */

import type { BackendName, WeightFormat } from '../contract/backend.ts';
import type { PlanSettings } from '../contract/loadPlan.ts';
import type { ComputePolicy } from '../contract/policy.ts';
import { EVERYTHING_FITS } from '../contract/policy.ts';
import { type ModelShape, matrixBytes } from '../models/shape.ts';

/** Models below this size in float32 are loaded whole and run at once. */
const SMALL_MODEL_BYTES = 0.5e9;

/** Dispatches of a submission where one of them may be 50 GFLOP: some tenths of a second on a slow GPU. */
const SUBMIT_EVERY = 4;

/** Bands of a decoded image: 16 of them take little more than the activations of one residual block. */
const BANDS = 16;

/** True for models that are run with everything resident and nothing saved. */
export function isSmall({ specs }: Pick<ModelShape, 'specs'>): boolean {
  return Object.values(specs).reduce((sum, part) => sum + matrixBytes(part, 4), 0) <= SMALL_MODEL_BYTES;
}

/** What the engine does with a model on a backend, unless memory asks for less. */
export function defaultSettings(
  shape: ModelShape,
  asked: { readonly backend: BackendName; readonly size: number | null; readonly batch: number },
): PlanSettings {
  const size = asked.size ?? shape.unet.sampleSize * shape.vae.factor;
  if (isSmall(shape)) {
    return { size, batch: asked.batch, weights: 'f32', parts: 'resident', sweep: 'whole', decodeBands: 1 };
  }
  const weights: WeightFormat = asked.backend === 'webgpu' ? 'f16' : 'f32';
  return { size, batch: asked.batch, weights, parts: 'byPhase', sweep: 'byStage', decodeBands: BANDS };
}

/** The same with everything that saves memory, whatever it costs in time. */
export function frugalSettings(settings: PlanSettings, backend: BackendName): PlanSettings {
  const weights = backend === 'webgpu' ? 'f16' : 'f32';
  return { ...settings, weights, parts: 'byPhase', sweep: 'byStage', decodeBands: BANDS };
}

/** How methods run under these settings. */
export function policyOf(settings: PlanSettings): ComputePolicy {
  const { batch, parts, sweep, decodeBands } = settings;
  if (parts === 'resident' && sweep === 'whole' && decodeBands === 1) return EVERYTHING_FITS;
  return {
    drawRows: batch,
    trainRows: batch,
    sweep,
    decodeBands,
    decodeImages: 1,
    decodeAtOnce: parts === 'resident',
    submitEvery: SUBMIT_EVERY,
  };
}

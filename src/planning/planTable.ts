/** The lines of a load plan: what a phase keeps where, at which precision. */
import type { WeightFormat } from '../contract/backend.ts';
import type { PlanPhaseName, PlanRow, PlanSettings } from '../contract/loadPlan.ts';
import { type ModelShape, tableBytes } from '../models/shape.ts';
import type { PhaseMemory } from './memoryPhases.ts';

const PART_NAMES = {
  unet: 'UNet weights',
  vae: 'Image decoder weights',
  text: 'Text encoder weights',
} as const;

/** The weights with their vectors, what belongs to the adapter, all the rest that the peak holds, and what is not on the device. */
export function rowsOf(measured: PhaseMemory, shape: ModelShape, { weights }: PlanSettings): PlanRow[] {
  const { phase, peakBytes, parts, adapterBytes, metric, keptBytes } = measured;
  const row = (where: PlanRow['where'], what: string, precision: WeightFormat, bytes: number): PlanRow[] =>
    bytes > 0 ? [{ phase, what, where, precision, bytes }] : [];
  const known = parts.unet + parts.vae + parts.text + adapterBytes + (metric?.bytes ?? 0);
  const table = parts.text > 0 ? tableBytes(shape.specs.text, weights) : 0;
  return [
    ...row('device', PART_NAMES.text, weights, parts.text),
    ...row('device', PART_NAMES.unet, weights, parts.unet),
    ...row('device', PART_NAMES.vae, weights, parts.vae),
    ...row('device', adapterWords(phase), 'f32', adapterBytes),
    ...row('device', `Metrics: ${metric?.name}`, weights, metric?.bytes ?? 0),
    ...row('device', 'Activations, biases and free buffers', 'f32', peakBytes - known),
    ...row('memory', 'Table of token embeddings', weights, table),
    ...row('memory', 'Images kept with their steps, and copies as they are stored', 'f32', keptBytes),
  ];
}

function adapterWords(phase: PlanPhaseName): string {
  return phase === 'train' ? 'Adapter, gradients and moments' : 'Adapter';
}

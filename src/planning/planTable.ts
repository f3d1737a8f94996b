/** The lines of a load plan: what a phase keeps where, at which precision. */
import type { PlanPhaseName, PlanRow, PlanSettings } from '../contract/loadPlan.ts';
import { type ModelShape, tableBytes } from '../models/shape.ts';
import type { PhaseMemory } from './memoryPhases.ts';

const PART_NAMES = {
  unet: 'UNet weights',
  vae: 'Image decoder weights',
  text: 'Text encoder weights',
} as const;

/** The weights with their vectors, what belongs to the adapter, and all the rest that the peak holds. */
export function rowsOf(measured: PhaseMemory, shape: ModelShape, { weights }: PlanSettings): PlanRow[] {
  const { phase, peakBytes, parts, adapterBytes, metric } = measured;
  const device = (what: string, precision: PlanRow['precision'], bytes: number): PlanRow[] =>
    bytes > 0 ? [{ phase, what, where: 'device', precision, bytes }] : [];
  const known = parts.unet + parts.vae + parts.text + adapterBytes + (metric?.bytes ?? 0);
  return [
    ...device(PART_NAMES.text, weights, parts.text),
    ...device(PART_NAMES.unet, weights, parts.unet),
    ...device(PART_NAMES.vae, weights, parts.vae),
    ...device(adapterWords(phase), 'f32', adapterBytes),
    ...device(`Metrics: ${metric?.name}`, weights, metric?.bytes ?? 0),
    ...device('Activations, biases and free buffers', 'f32', peakBytes - known),
    ...(parts.text > 0
      ? [
          {
            phase,
            what: 'Table of token embeddings',
            where: 'memory' as const,
            precision: weights,
            bytes: tableBytes(shape.specs.text, weights),
          },
        ]
      : []),
  ];
}

function adapterWords(phase: PlanPhaseName): string {
  return phase === 'train' ? 'Adapter, gradients and moments' : 'Adapter';
}

// The file of the UNet's outputs, for comparing with other programs.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProbeResult } from '../../src/contract/protocol.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import type { WritableTensor } from '../../src/formats/safetensorsLayout.ts';

/**
 * Writes `unet-outputs.safetensors`, float32: `out.uncond.t<T>` and `out.context.t<T>` [1, C, h, w] as in PyTorch, and
 * `sq.t<T>` [1], the sum over C, h and w of the squared difference of the two: the term that MI-TUNE adds up
 * (Algorithm 2), before its weight.
 *
 * @param result of the contexts `uncond` and `context`, in this order
 */
export function writeOutputs(folder: string, { steps }: ProbeResult): string {
  const tensors = steps.flatMap(({ t, predictions, squaredDifference }): WritableTensor[] => {
    const [uncond, context] = predictions;
    if (uncond === undefined || context === undefined || squaredDifference === null)
      throw new RangeError('two contexts make the outputs');
    const data = (values: Float32Array) => ({ dtype: 'F32' as const, data: values });
    return [
      { name: `out.uncond.t${t}`, shape: uncond.shape, ...data(uncond.values) },
      { name: `out.context.t${t}`, shape: context.shape, ...data(context.values) },
      { name: `sq.t${t}`, shape: [squaredDifference.length], ...data(Float32Array.from(squaredDifference)) },
    ];
  });
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'unet-outputs.safetensors');
  writeFileSync(path, writeSafetensors(tensors));
  return path;
}

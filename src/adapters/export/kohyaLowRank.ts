/**
 * The file that every program loads: a LoRA in kohya's names. Exact for a LoRA; of a DoRA it holds the leading singular
 * values of the difference W' - W, with what is lost told per layer.
 */
import { toKohyaKey } from '../../formats/adapterKeys.ts';
import type { LazyTensor } from '../../formats/safetensorsStream.ts';
import type { LowRankUpdate, PlainLayer } from '../plain.ts';
import { type Exporter, exportLayers, floats, lowRankShapes, toLowRank } from './exporter.ts';
import { kohyaMetadata } from './kohyaHeader.ts';

export const exportKohyaLowRank: Exporter = async (adapter, context) => {
  const layers: PlainLayer[] = [];
  const { tensors, losses } = await exportLayers(adapter, context, async (layer) => {
    const { update, loss } = await toLowRank(layer, context);
    layers.push({ ...layer, update, magnitude: null });
    return { tensors: kohyaLowRankTensors(layer, update), loss };
  });
  const largest = Math.max(0, ...losses.map((loss) => loss.residual));
  const what =
    losses.length === 0
      ? 'LoRA, exact'
      : `LoRA from truncated singular values of the weight differences; largest relative residual of a layer ${largest.toPrecision(3)}`;
  return { tensors, losses, metadata: kohyaMetadata({ layers }, context, what) };
};

/** down, up and alpha of a layer. */
export function kohyaLowRankTensors(
  { module, shape }: Pick<PlainLayer, 'module' | 'shape'>,
  { rank, down, up, scaling }: LowRankUpdate,
): LazyTensor[] {
  const shapes = lowRankShapes(shape, rank);
  return [
    floats(toKohyaKey(module, 'down'), shapes.down, down),
    floats(toKohyaKey(module, 'up'), shapes.up, up),
    floats(toKohyaKey(module, 'alpha'), [], Float32Array.of(scaling * rank)),
  ];
}

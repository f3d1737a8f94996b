/** The exact difference W' - W of every layer: large, and the same wherever it loads (ComfyUI, A1111, Forge). */
import { toKohyaKey } from '../../formats/adapterKeys.ts';
import type { LazyTensor } from '../../formats/safetensorsStream.ts';
import { floatsToHalves } from '../../lib/half.ts';
import { effectiveDifference, type FrozenWeights } from '../effective.ts';
import type { PlainLayer } from '../plain.ts';
import type { Exporter } from './exporter.ts';
import { kohyaMetadata } from './kohyaHeader.ts';

export const exportDiff: Exporter = async (adapter, context) => {
  const { half, frozen } = context;
  const precision = half ? 'float16: every number rounded to 11 significant bits' : 'float32';
  return {
    tensors: adapter.layers.map((layer) => differenceTensor(layer, frozen, half)),
    losses: [],
    metadata: kohyaMetadata({ layers: [] }, context, `weight differences, ${precision}`),
  };
};

/** Computed when it is written: together the differences are as large as the layers. */
export function differenceTensor(layer: PlainLayer, frozen: FrozenWeights, half: boolean): LazyTensor {
  return {
    name: toKohyaKey(layer.module, 'difference'),
    shape: layer.shape,
    dtype: half ? 'F16' : 'F32',
    read: async () => {
      const values = Float32Array.from((await effectiveDifference(layer, frozen)).data);
      return half ? floatsToHalves(values) : values;
    },
  };
}

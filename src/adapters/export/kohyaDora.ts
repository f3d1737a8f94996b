/**
 * DoRA in kohya's names as ComfyUI (and Forge) reads it. For a `dora_scale` per output, [out, 1], it divides by the norm of
 * the frozen weight instead of the updated one (weight_decompose in comfy/weight_adapter/base.py), so the scale is
 * multiplied by ||W|| / ||W + s B A|| beforehand. That is exact at strength 1, and there only.
 */
import { toKohyaKey } from '../../formats/adapterKeys.ts';
import type { LazyTensor } from '../../formats/safetensorsStream.ts';
import { magnitudeScales, rowNorms } from '../effective.ts';
import { matrixSize, type PlainLayer } from '../plain.ts';
import { differenceTensor } from './diff.ts';
import { type ExportContext, type Exporter, exportLayers, floats } from './exporter.ts';
import { kohyaMetadata } from './kohyaHeader.ts';
import { kohyaLowRankTensors } from './kohyaLowRank.ts';

/** Header entry that says whose norm the scales of a file are to be divided by. */
export const DORA_SCALE_KEY = 'mi_tune_dora_scale';
export const OVER_FROZEN = 'over the norm of the frozen weight';

const WHAT =
  'DoRA for ComfyUI and Forge: dora_scale [out, 1] is multiplied by |W| / |W + BA|, since they divide by |W|. ' +
  'Exact at strength 1 only; wrong in loaders that divide by |W + BA|, and in A1111, which scales inputs';

export const exportKohyaDora: Exporter = async (adapter, context) => {
  const written = await exportLayers(adapter, context, async (layer) => ({
    tensors: await layerTensors(layer, context),
  }));
  const scaled = adapter.layers.some((layer) => layer.magnitude?.axis === 'output');
  const metadata = kohyaMetadata(adapter, context, scaled ? WHAT : 'LoRA, exact');
  return { ...written, metadata: scaled ? { ...metadata, [DORA_SCALE_KEY]: OVER_FROZEN } : metadata };
};

async function layerTensors(layer: PlainLayer, { frozen, half }: ExportContext): Promise<LazyTensor[]> {
  const { module, update, magnitude, shape } = layer;
  if (update.kind === 'difference') return [differenceTensor(layer, frozen, half)];
  const tensors = kohyaLowRankTensors(layer, update);
  if (magnitude === null) return tensors;
  const name = toKohyaKey(module, 'magnitude');
  const taps = shape.slice(2).map(() => 1);
  // ComfyUI's formula for inputs is the right one.
  if (magnitude.axis === 'input')
    return [...tensors, floats(name, [1, magnitude.values.length, ...taps], magnitude.values)];
  const values = magnitude.over === 'frozen' ? magnitude.values : overFrozenNorm(layer, await frozen(module));
  return [...tensors, floats(name, [values.length, 1, ...taps], values)];
}

/** m ||W|| / ||W + s B A||. */
function overFrozenNorm(layer: PlainLayer, w: Float32Array): Float32Array {
  const norms = rowNorms({ ...matrixSize(layer.shape), data: w });
  return Float32Array.from(magnitudeScales(layer, w), (scale, row) => scale * (norms[row] as number));
}

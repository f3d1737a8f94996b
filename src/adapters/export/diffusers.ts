/** `pytorch_lora_weights.safetensors` as the training scripts of diffusers write it, for diffusers and PEFT. */
import type { LayerLoss } from '../../contract/adapterFiles.ts';
import { toDiffusersKey } from '../../formats/adapterKeys.ts';
import { adaptedWeight, overUpdatedNorm, rowNorms } from '../effective.ts';
import { loraMetadata } from '../metadata.ts';
import { matrixSize, type PlainLayer } from '../plain.ts';
import {
  type ExportContext,
  type Exporter,
  exportLayers,
  floats,
  lowRankShapes,
  toLowRank,
} from './exporter.ts';

/** A layer in the form that the format has: low rank, magnitudes per output over the updated weight's norm, or none. */
type PeftLayer = PlainLayer & { readonly update: Extract<PlainLayer['update'], { kind: 'lowRank' }> };

export const exportDiffusers: Exporter = async (adapter, context) => {
  const written: PeftLayer[] = [];
  // The format knows one switch for all layers.
  const dora = adapter.layers.some(fitsAsDora);
  const { tensors, losses } = await exportLayers(adapter, context, async (layer) => {
    const { layer: fitting, loss } = await toPeft(layer, dora, context);
    written.push(fitting);
    return { tensors: layerTensors(fitting), loss };
  });
  const metadata = { format: 'pt', ...context.notes, lora_adapter_metadata: loraMetadata(written, dora) };
  return { tensors, losses, metadata };
};

function fitsAsDora({ update, magnitude }: PlainLayer): boolean {
  return update.kind === 'lowRank' && magnitude?.axis === 'output';
}

async function toPeft(
  layer: PlainLayer,
  dora: boolean,
  context: ExportContext,
): Promise<{ layer: PeftLayer; loss: LayerLoss | null }> {
  if (fitsAsDora(layer))
    return { layer: (await overUpdatedNorm(layer, context.frozen)) as PeftLayer, loss: null };
  const { module, shape } = layer;
  const { update: lowRank, loss } = await toLowRank(layer, context);
  const plain: PeftLayer = { module, shape, update: lowRank, magnitude: null };
  if (!dora) return { layer: plain, loss };
  // Among layers with magnitudes a LoRA is a DoRA whose magnitude is the norm itself.
  const values = Float32Array.from(rowNorms(adaptedWeight(plain, await context.frozen(module))));
  return { layer: { ...plain, magnitude: { axis: 'output', over: 'updated', values } }, loss };
}

/** Loaders take alpha = rank unless they read the header, so a scaling other than 1 is folded into B. */
function layerTensors({ module, shape, update, magnitude }: PeftLayer) {
  const { rank, down, up, scaling } = update;
  const shapes = lowRankShapes(shape, rank);
  const folded = scaling === 1 ? up : up.map((x) => x * scaling);
  const pair = [
    floats(toDiffusersKey(module, 'down'), shapes.down, down),
    floats(toDiffusersKey(module, 'up'), shapes.up, folded),
  ];
  if (magnitude === null) return pair;
  const { rows } = matrixSize(shape);
  const vector = shape.length === 2 ? [rows] : [1, rows, ...shape.slice(2).map(() => 1)];
  return [...pair, floats(toDiffusersKey(module, 'magnitude'), vector, magnitude.values)];
}

/** Several adapters as one: the weighted sum of their differences, layer by layer, in low rank again. */
import type { LayerLoss } from '../contract/adapterFiles.ts';
import { effectiveDifference, type FrozenWeights } from './effective.ts';
import { toLowRank } from './export/exporter.ts';
import { layerOf, modulesOf } from './inspect.ts';
import { type LowRankUpdate, matrixSize, type PlainAdapter, type PlainLayer } from './plain.ts';

type WeightedAdapter = { readonly adapter: PlainAdapter; readonly weight: number };

/**
 * A LoRA for W + sum of weight (W' - W). Exact where all are LoRAs and `rank` is at least the sum of theirs.
 * @param onLayer waited for after every layer
 */
export async function mergeAdapters(
  parts: readonly WeightedAdapter[],
  rank: number,
  frozen: FrozenWeights,
  onLayer: (done: number, total: number) => Promise<void>,
): Promise<{ adapter: PlainAdapter; losses: readonly LayerLoss[] }> {
  const modules = modulesOf(parts.map((part) => part.adapter));
  const layers: PlainLayer[] = [];
  const losses: LayerLoss[] = [];
  for (const [i, module] of modules.entries()) {
    const found = parts.flatMap(({ adapter, weight }) => {
      const layer = layerOf(adapter, module);
      return layer === null ? [] : [{ layer, weight }];
    });
    const [{ layer: first }] = found as [WeightedLayer];
    const sum: PlainLayer = {
      module,
      shape: first.shape,
      update: await weightedSum(found, frozen),
      magnitude: null,
    };
    const joined = sum.update;
    const fits = joined.kind === 'lowRank' && joined.rank <= rank;
    const { update, loss } = fits
      ? { update: joined, loss: null }
      : await toLowRank(
          { ...sum, update: { kind: 'difference', values: await valuesOf(sum, frozen) } },
          { frozen, rank },
        );
    layers.push({ ...sum, update });
    if (loss !== null) losses.push(loss);
    await onLayer(i + 1, modules.length);
  }
  return { adapter: { layers }, losses };
}

type WeightedLayer = { readonly layer: PlainLayer; readonly weight: number };

/** LoRAs are put side by side: their ranks add up, and nothing is lost. */
async function weightedSum(
  found: readonly WeightedLayer[],
  frozen: FrozenWeights,
): Promise<PlainLayer['update']> {
  const [{ layer: first }] = found as [WeightedLayer];
  const { rows, columns } = matrixSize(first.shape);
  const pairs = found.flatMap(({ layer: { update, magnitude }, weight }) =>
    update.kind === 'lowRank' && magnitude === null ? [{ update, weight }] : [],
  );
  if (pairs.length === found.length) return sideBySide(pairs, rows, columns);
  const values = new Float32Array(rows * columns);
  for (const { layer, weight } of found) {
    const { data } = await effectiveDifference(layer, frozen);
    for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + weight * (data[i] as number);
  }
  return { kind: 'difference', values };
}

function sideBySide(
  pairs: readonly { readonly update: LowRankUpdate; readonly weight: number }[],
  rows: number,
  columns: number,
): LowRankUpdate {
  const rank = pairs.reduce((sum, { update }) => sum + update.rank, 0);
  const up = new Float32Array(rows * rank);
  const down = new Float32Array(rank * columns);
  let from = 0;
  for (const { update, weight } of pairs) {
    down.set(update.down, from * columns);
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < update.rank; k++) {
        up[row * rank + from + k] = (update.up[row * update.rank + k] as number) * update.scaling * weight;
      }
    }
    from += update.rank;
  }
  return { kind: 'lowRank', rank, down, up, scaling: 1 };
}

async function valuesOf(layer: PlainLayer, frozen: FrozenWeights): Promise<Float32Array> {
  return Float32Array.from((await effectiveDifference(layer, frozen)).data);
}

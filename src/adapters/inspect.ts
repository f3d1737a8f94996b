/** What is in an adapter: how much it changes every layer, in how many directions, and how two of them differ. */
import type { LayerDistance, LayerFacts } from '../contract/adapterFiles.ts';
import { dot } from '../lib/matrix.ts';
import { productSvd } from '../lib/svd.ts';
import { effectiveDifference, type FrozenWeights, frobenius, magnitudeScales } from './effective.ts';
import { matrixSize, type PlainAdapter, type PlainLayer } from './plain.ts';

/** Share of the squared length that the used directions make up. */
const USED_SHARE = 0.99;

/** Size, rank and spectrum of the change that an adapter makes to one layer. */
export async function inspectLayer(layer: PlainLayer, frozen: FrozenWeights): Promise<LayerFacts> {
  const { module, update, magnitude } = layer;
  const w = await frozen(module);
  const norm = frobenius((await effectiveDifference(layer, async () => w)).data);
  const lowRank = update.kind === 'lowRank' ? update : null;
  return {
    module,
    rank: lowRank?.rank ?? null,
    alpha: lowRank === null ? null : lowRank.scaling * lowRank.rank,
    norm,
    relative: norm / frobenius(w),
    usedRank: usedRank(layer),
    scaling: magnitude === null ? null : meanDeviation(magnitudeScales(layer, w)),
  };
}

/** Singular values of B A, the largest first, that make up 99% of the sum of squares. */
function usedRank({ update, shape }: PlainLayer): number | null {
  if (update.kind === 'difference') return null;
  const { rows, columns } = matrixSize(shape);
  const { rank, up, down } = update;
  const { s } = productSvd({ rows, columns: rank, data: up }, { rows: rank, columns, data: down });
  const total = s.reduce((sum, x) => sum + x * x, 0);
  if (total === 0) return 0;
  let count = 0;
  for (let kept = 0; kept < USED_SHARE * total; count++) kept += (s[count] as number) ** 2;
  return count;
}

function meanDeviation(scales: Float64Array): number {
  return scales.reduce((sum, scale) => sum + Math.abs(scale - 1), 0) / scales.length;
}

/** Two adapters of one model, layer by layer; a layer that one of them leaves alone counts as no difference there. */
export async function compareLayers(
  a: PlainAdapter,
  b: PlainAdapter,
  frozen: FrozenWeights,
  onLayer: (done: number, total: number) => Promise<void>,
): Promise<{ layers: readonly LayerDistance[]; distance: number; cosine: number | null }> {
  const modules = modulesOf([a, b]);
  const layers: LayerDistance[] = [];
  const all = { aa: 0, bb: 0, ab: 0 };
  for (const [i, module] of modules.entries()) {
    const sums = await products(layerOf(a, module), layerOf(b, module), frozen);
    all.aa += sums.aa;
    all.bb += sums.bb;
    all.ab += sums.ab;
    layers.push({ module, ...apart(sums) });
    await onLayer(i + 1, modules.length);
  }
  return { layers, ...apart(all) };
}

/** Modules of any of the adapters, in the order of the first that has them. */
export function modulesOf(adapters: readonly PlainAdapter[]): readonly string[] {
  return [...new Set(adapters.flatMap(({ layers }) => layers.map(({ module }) => module)))];
}

/** The adapter's layer of that module; null where it has none. */
export function layerOf({ layers }: PlainAdapter, module: string): PlainLayer | null {
  return layers.find((layer) => layer.module === module) ?? null;
}

type Products = { readonly aa: number; readonly bb: number; readonly ab: number };

async function products(
  a: PlainLayer | null,
  b: PlainLayer | null,
  frozen: FrozenWeights,
): Promise<Products> {
  const x = a === null ? null : (await effectiveDifference(a, frozen)).data;
  const y = b === null ? null : (await effectiveDifference(b, frozen)).data;
  const ab = x === null || y === null ? 0 : dot(x, y);
  return { aa: x === null ? 0 : frobenius(x) ** 2, bb: y === null ? 0 : frobenius(y) ** 2, ab };
}

function apart({ aa, bb, ab }: Products): { distance: number; cosine: number | null } {
  const larger = Math.sqrt(Math.max(aa, bb));
  return {
    distance: larger === 0 ? 0 : Math.sqrt(Math.max(0, aa + bb - 2 * ab)) / larger,
    cosine: aa === 0 || bb === 0 ? null : ab / Math.sqrt(aa * bb),
  };
}

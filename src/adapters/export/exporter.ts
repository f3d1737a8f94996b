/** What the exporters share: their input, their result, and how the parts of a layer are laid out in files. */
import type { LayerLoss } from '../../contract/adapterFiles.ts';
import type { LazyTensor } from '../../formats/safetensorsStream.ts';
import { truncatedSvd } from '../../lib/svd.ts';
import { effectiveDifference, type FrozenWeights, frobenius } from '../effective.ts';
import type { LowRankUpdate, PlainAdapter, PlainLayer } from '../plain.ts';

export type ExportContext = {
  /** Weights of the model that the adapter was made for. */
  readonly frozen: FrozenWeights;
  /** Most singular values kept where a layer has to be approximated. */
  readonly rank: number;
  /** Whole differences as halves: half the size, every number rounded to 11 bits. */
  readonly half: boolean;
  /** Width of the text context: 1024 tells loaders that the adapter belongs to SD-2. */
  readonly contextWidth: number;
  /** Further entries of the header, such as the settings that made the adapter. */
  readonly notes: Readonly<Record<string, string>>;
  /** Waited for after every layer: reports progress, and ends the work by throwing. */
  readonly onLayer?: (done: number, total: number) => Promise<void>;
};

type AdapterFile = {
  readonly tensors: readonly LazyTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Of the layers that the format cannot hold exactly. */
  readonly losses: readonly LayerLoss[];
};

export type Exporter = (adapter: PlainAdapter, context: ExportContext) => Promise<AdapterFile>;

/** Walks the layers in order and collects what each becomes. */
export async function exportLayers(
  { layers }: PlainAdapter,
  { onLayer }: ExportContext,
  write: (layer: PlainLayer) => Promise<{ tensors: readonly LazyTensor[]; loss?: LayerLoss | null }>,
): Promise<Pick<AdapterFile, 'tensors' | 'losses'>> {
  const tensors: LazyTensor[] = [];
  const losses: LayerLoss[] = [];
  for (const [i, layer] of layers.entries()) {
    const written = await write(layer);
    tensors.push(...written.tensors);
    if (written.loss != null) losses.push(written.loss);
    await onLayer?.(i + 1, layers.length);
  }
  return { tensors, losses };
}

/** A float32 tensor of a file, from values that are there already. */
export function floats(name: string, shape: readonly number[], data: Float32Array): LazyTensor {
  return { name, dtype: 'F32', shape, read: async () => data };
}

/** Shapes of A and B in a file: kernels keep their taps in A, and B is then a 1x1 kernel. */
export function lowRankShapes(
  shape: readonly number[],
  rank: number,
): { readonly down: readonly number[]; readonly up: readonly number[] } {
  const [outputs = 0, ...inputs] = shape;
  return { down: [rank, ...inputs], up: [outputs, rank, ...inputs.slice(1).map(() => 1)] };
}

/**
 * The best LoRA for a layer: its own factors where it is one, else the leading singular values of the difference that it
 * makes, and what is lost then.
 */
export async function toLowRank(
  layer: PlainLayer,
  { frozen, rank }: Pick<ExportContext, 'frozen' | 'rank'>,
): Promise<{ readonly update: LowRankUpdate; readonly loss: LayerLoss | null }> {
  if (layer.magnitude === null && layer.update.kind === 'lowRank')
    return { update: layer.update, loss: null };
  const difference = await effectiveDifference(layer, frozen);
  const { u, s, v } = truncatedSvd(difference, rank);
  const kept = s.length;
  const up = Float32Array.from(u.data, (x, i) => x * Math.sqrt(s[i % kept] as number));
  const down = new Float32Array(kept * v.rows);
  for (let i = 0; i < v.rows; i++) {
    for (let k = 0; k < kept; k++) {
      down[k * v.rows + i] = (v.data[i * kept + k] as number) * Math.sqrt(s[k] as number);
    }
  }
  return {
    update: { kind: 'lowRank', rank: kept, down, up, scaling: 1 },
    loss: { module: layer.module, residual: residualOf(frobenius(difference.data), s) },
  };
}

/** The projection on the kept vectors leaves ||D||^2 - sum s^2. */
function residualOf(norm: number, s: Float64Array): number {
  const kept = s.reduce((sum, x) => sum + x * x, 0);
  return norm === 0 ? 0 : Math.sqrt(Math.max(0, norm * norm - kept)) / norm;
}

/**
 * An adapter as plain numbers in PyTorch's layout: what files hold, and what exporters, the inspector and merging work
 * on. No tensors, so all of that is a function of arrays.
 */

/** W + s up down, with rows of up for outputs and columns of down for inputs (times the taps of a kernel). */
export type LowRankUpdate = {
  readonly kind: 'lowRank';
  readonly rank: number;
  /** A, [rank, in] or flat [rank, in * kh * kw]. */
  readonly down: Float32Array;
  /** B, [out, rank]. */
  readonly up: Float32Array;
  /** s = alpha / rank. */
  readonly scaling: number;
};

/** W + values, of the shape of W. */
type DifferenceUpdate = { readonly kind: 'difference'; readonly values: Float32Array };

/** DoRA's m: the updated weight is multiplied by m / norm along one axis. */
export type Magnitude = {
  /** `output`: one number per row of W, as in the paper and PEFT. `input`: one per column, as LyCORIS by default. */
  readonly axis: 'output' | 'input';
  /** Whose norm it is divided by: the updated weight's, or (in files made for ComfyUI) the frozen weight's. */
  readonly over: 'updated' | 'frozen';
  readonly values: Float32Array;
};

export type PlainLayer = {
  /** With component, e.g. `unet.mid_block...attn2.to_k`. */
  readonly module: string;
  /** Shape of the adapted weight in a checkpoint: [out, in] or [out, in, kh, kw]. */
  readonly shape: readonly number[];
  readonly update: LowRankUpdate | DifferenceUpdate;
  readonly magnitude: Magnitude | null;
};

export type PlainAdapter = { readonly layers: readonly PlainLayer[] };

/** Rows and columns of a weight as a matrix: [out, in * kh * kw]. */
export function matrixSize(shape: readonly number[]): { readonly rows: number; readonly columns: number } {
  const [rows = 0, ...rest] = shape;
  return { rows, columns: rest.reduce((product, size) => product * size, 1) };
}

/**
 * Linear layers with what comes before and after them in the same pass: layer normalization of the rows, a GEGLU, rows that
 * two tensors hold, three layers on the same rows. Where the product's form has no room for it, or while a tape records,
 * the layers run one by one.
 */
import { recordsTape, scope, type Tensor, type Tensor1D, type Tensor3D, tf, WebGPUBackend } from '../tf.ts';
import { fuses, fusesNorm, launchProduct } from '../webgpu/products.ts';
import type { Weight } from '../weights.ts';
import { geglu } from './activations.ts';
import { defineOp, only } from './define.ts';
import { layerNorm } from './layerNorm.ts';
import { linear } from './linear.ts';

export type LayerNormParameters = {
  readonly gamma: Tensor1D;
  readonly beta: Tensor1D;
  readonly eps: number;
};

type FusedAttributes = {
  readonly weights: readonly Weight[];
  /** Of the normalization; null without one. */
  readonly eps: number | null;
  readonly gated: boolean;
};

type FusedInput = 'x' | 'joined' | 'gamma' | 'beta' | 'w' | 'w1' | 'w2' | 'bias';

/** The first weight has a bias or there are three without. */
const runFused = defineOp<FusedInput, FusedAttributes>({
  name: 'StudioFusedLinear',
  webgpu: (backend, { x, joined, gamma, beta, w, w1, w2, bias }, { weights, eps, gated }) => {
    const [first, ...more] = weights as [Weight, ...Weight[]];
    const [depth, columns] = first.shape as [number, number];
    const width = gated ? columns / 2 : columns;
    const outer = x.shape.slice(0, -1);
    const [second, third] = more;
    return launchProduct(backend, {
      op: 'linear',
      x,
      weight: { tensor: w, packed: first.packed },
      bias,
      fused: {
        joined,
        gated,
        norm: eps === null ? undefined : { gamma, beta, eps },
        others:
          second === undefined || third === undefined
            ? undefined
            : [
                { tensor: w1, packed: second.packed },
                { tensor: w2, packed: third.packed },
              ],
      },
      outputShape: [...outer, width],
      rows: outer.reduce((product, size) => product * size, 1),
      depth,
      width,
    });
  },
});

/** True where a product of these sizes takes further work in. */
function canFuse(weight: Weight, depths: readonly number[] = []): boolean {
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend) || recordsTape()) return false;
  const [depth, width] = weight.shape as [number, number];
  return fuses(backend, [depth, ...depths], width);
}

/** The normalization as a pass of its own where the rows are too wide for the product to do it. */
function normedRows(x: Tensor3D, { gamma, beta, eps }: LayerNormParameters): Tensor3D {
  return layerNorm(x, gamma, beta, eps);
}

/**
 * A linear layer on normalized rows.
 * @param x [N, L, K]
 * @param bias [M] or null
 * @returns [N, L, M]
 */
export function normLinear(x: Tensor3D, norm: LayerNormParameters, w: Weight, bias: Tensor | null): Tensor3D {
  if (!canFuse(w) || !fusesNorm(w.shape[0] as number))
    return scope(() => linear(normedRows(x, norm), w, bias));
  const { gamma, beta, eps } = norm;
  const inputs = { x, gamma, beta, w: w.tensor, ...(bias === null ? {} : { bias }) };
  return only(runFused(inputs, { weights: [w], eps, gated: false })) as Tensor3D;
}

/**
 * The first half of the transformer's feed-forward: normalization, linear layer, GEGLU.
 * @param x [N, L, K]
 * @param w [K, 2 M]
 * @param bias [2 M] or null
 * @returns [N, L, M]
 */
export function normGeglu(x: Tensor3D, norm: LayerNormParameters, w: Weight, bias: Tensor | null): Tensor3D {
  const [depth, columns] = w.shape as [number, number];
  if (!canFuse(w, [columns / 2])) return scope(() => geglu(linear(normedRows(x, norm), w, bias)));
  return scope(() => {
    const inside = fusesNorm(depth);
    const { gamma, beta, eps } = norm;
    const inputs = {
      ...(inside ? { x, gamma, beta } : { x: normedRows(x, norm) }),
      w: w.tensor,
      ...(bias === null ? {} : { bias }),
    };
    return only(runFused(inputs, { weights: [w], eps: inside ? eps : null, gated: true })) as Tensor3D;
  });
}

/**
 * Three linear layers of one size without bias on the same normalized rows.
 * @param x [N, L, K]
 * @returns three tensors [N, L, M]
 */
export function normTriple(
  x: Tensor3D,
  norm: LayerNormParameters,
  weights: readonly [Weight, Weight, Weight],
): readonly [Tensor3D, Tensor3D, Tensor3D] {
  const [w, w1, w2] = weights;
  const alike = weights.every(({ shape, packed }) => `${shape}/${packed}` === `${w.shape}/${w.packed}`);
  return scope(() => {
    const fused = alike && canFuse(w);
    const inside = fused && fusesNorm(w.shape[0] as number);
    const rows = inside ? x : normedRows(x, norm);
    if (!fused) {
      // A tape sums the gradients of the rows in the order of the layers: the first last, as versions before this function did.
      const [second, third, first] = [w1, w2, w].map((weight) => linear(rows, weight, null));
      return [first, second, third];
    }
    const { gamma, beta, eps } = norm;
    const inputs = {
      x: rows,
      ...(inside ? { gamma, beta } : {}),
      w: w.tensor,
      w1: w1.tensor,
      w2: w2.tensor,
    };
    return runFused(inputs, { weights, eps: inside ? eps : null, gated: false });
  }) as unknown as [Tensor3D, Tensor3D, Tensor3D];
}

/** True where `joinedLinear` can take the rows of a weight from tensors of these widths. */
export function canJoin(w: Weight, widths: readonly [number, number]): boolean {
  return canFuse(w, widths);
}

/**
 * A linear layer on rows that two tensors hold, where `canJoin` says so.
 * @param parts [..., K1] and [..., K2]
 * @param w [K1 + K2, M]
 * @param bias [M] or null
 * @returns [..., M]
 */
export function joinedLinear<T extends Tensor>(
  [x, joined]: readonly [T, T],
  w: Weight,
  bias: Tensor | null,
): T {
  const inputs = { x, joined, w: w.tensor, ...(bias === null ? {} : { bias }) };
  return only(runFused(inputs, { weights: [w], eps: null, gated: false })) as T;
}

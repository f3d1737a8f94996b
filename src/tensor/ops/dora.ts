/**
 * DoRA (Liu et al. 2024, arXiv:2402.09353). The adapted layer is y = (x W + s x A B) m / n + b, with n the column norms of
 * W + s A B treated as constants (section 4.3), so no gradient of the size of W is ever formed.
 */
import { sizeOf } from '../compose.ts';
import type { Tensor, Tensor1D, Tensor2D } from '../tf.ts';
import type { Weight } from '../weights.ts';
import { defineOp, only } from './define.ts';

type EpilogueAttributes = { readonly scaling: number };

const runEpilogue = defineOp<'base' | 'ab' | 'magnitude' | 'weightNorm' | 'bias', EpilogueAttributes>({
  name: 'StudioDoraEpilogue',
  composed: (compose, { base, ab, magnitude, weightNorm, bias }, { scaling }) => {
    const sum = compose.add(base, compose.mul(ab, compose.scalar(scaling)));
    const y = compose.mul(sum, compose.div(magnitude, weightNorm));
    return bias === undefined ? y : compose.add(y, bias);
  },
  gradient: {
    save: ['base', 'ab', 'magnitude', 'weightNorm'],
    run: ([dy], saved, { scaling }) => {
      const [base, ab, magnitude, weightNorm] = saved as [Tensor, Tensor, Tensor, Tensor];
      const upstream = dy as Tensor;
      const scaled = (factor: number) => (): Tensor =>
        only(runScale({ dy: upstream, magnitude, weightNorm }, { factor }));
      return {
        base: scaled(1),
        ab: scaled(scaling),
        magnitude: () => only(runMagnitudeGradient({ dy: upstream, base, ab, weightNorm }, { scaling })),
      };
    },
  },
});

/** dy m / n times a factor. */
const runScale = defineOp<'dy' | 'magnitude' | 'weightNorm', { readonly factor: number }>({
  name: 'StudioDoraScale',
  composed: (compose, { dy, magnitude, weightNorm }, { factor }) => {
    const ratio = compose.div(magnitude, weightNorm);
    return compose.mul(dy, factor === 1 ? ratio : compose.mul(ratio, compose.scalar(factor)));
  },
});

/** Sum over rows of dy (base + s ab) / n. */
const runMagnitudeGradient = defineOp<'dy' | 'base' | 'ab' | 'weightNorm', EpilogueAttributes>({
  name: 'StudioDoraMagnitudeGradient',
  composed: (compose, { dy, base, ab, weightNorm }, { scaling }) => {
    const width = weightNorm.shape[0] as number;
    const rows = sizeOf(dy.shape) / width;
    const sum = compose.add(base, compose.mul(ab, compose.scalar(scaling)));
    const product = compose.view(compose.mul(dy, sum), [rows, width]);
    const total = compose.matMul(compose.filled(1, [1, rows]), product);
    return compose.div(compose.view(total, [width]), weightNorm);
  },
});

const runWeightNorm = defineOp<'w' | 'loraA' | 'loraB', EpilogueAttributes & { readonly weight: Weight }>({
  name: 'StudioDoraWeightNorm',
  composed: (compose, { w, loraA, loraB }, { scaling }) => {
    const [inner, columns] = w.shape as [number, number];
    const update = compose.mul(compose.matMul(loraA, loraB), compose.scalar(scaling));
    const adapted = compose.add(w, update);
    const squared = compose.mul(adapted, adapted);
    const sums = compose.matMul(compose.filled(1, [1, inner]), squared);
    return compose.view(compose.unary('Sqrt', sums), [columns]);
  },
});

/**
 * The end of a DoRA layer: `(base + scaling ab) magnitude / weightNorm + bias`. Differentiable in `base`, `ab` and
 * `magnitude`.
 *
 * @param base [..., N] x W without bias
 * @param ab [..., N] x A B
 * @param magnitude [N]
 * @param weightNorm [N] from `doraWeightNorm`, a constant of the step
 * @param bias [N] or null
 */
export function doraEpilogue<T extends Tensor>(
  base: T,
  ab: T,
  magnitude: Tensor1D,
  weightNorm: Tensor1D,
  bias: Tensor | null,
  { scaling = 1 }: { readonly scaling?: number } = {},
): T {
  const inputs = { base, ab, magnitude, weightNorm };
  return only(runEpilogue(bias === null ? inputs : { ...inputs, bias }, { scaling })) as T;
}

/**
 * Euclidean norm of every column (output channel) of W + scaling A B. Has no gradient: call it outside the tape.
 *
 * @param w [in, out]
 * @param loraA [in, r]
 * @param loraB [r, out]
 * @returns [out]
 */
export function doraWeightNorm(w: Weight, loraA: Tensor2D, loraB: Tensor2D, scaling: number): Tensor1D {
  return only(runWeightNorm({ w: w.tensor, loraA, loraB }, { scaling, weight: w })) as Tensor1D;
}

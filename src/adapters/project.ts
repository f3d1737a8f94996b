import type { Projector } from '../models/hooks.ts';
import { runLinear } from '../models/layers.ts';
import type { Linear } from '../models/parameters.ts';
import { doraEpilogue, doraWeightNorm } from '../tensor/ops/dora.ts';
import { linear } from '../tensor/ops/linear.ts';
import { linearCombination } from '../tensor/ops/linearCombination.ts';
import { matmulTrain } from '../tensor/ops/matmulTrain.ts';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensor/tf.ts';
import type { AdaptedLayer, Adapter } from './adapter.ts';

/** ||W + s A B|| per output column of each DoRA layer [out]; empty for LoRA. */
export type WeightNorms = ReadonlyMap<Linear, Tensor1D>;

/**
 * Column norms of the adapted weights. They are constants of a step: DoRA (section 4.3) detaches the norm from the
 * gradient, and so does PEFT, so call this outside the tape and again after every change of A or B.
 */
export function adapterWeightNorms(adapter: Adapter): WeightNorms {
  return new Map(
    adapter.layers.flatMap((layer): [Linear, Tensor1D][] => {
      if (layer.magnitude === null) return [];
      return [
        [
          layer.layer,
          tf.keep(doraWeightNorm(layer.layer.w, layer.loraA, layer.loraB, layer.scaling) as Tensor1D),
        ],
      ];
    }),
  );
}

export function disposeWeightNorms(norms: WeightNorms): void {
  for (const norm of norms.values()) norm.dispose();
}

/** A projector that applies the adapter to its layers and leaves the others as they are. Differentiable. */
export function adapterProjector(adapter: Adapter, norms: WeightNorms): Projector {
  const adapted = new Map(adapter.layers.map((layer) => [layer.layer, layer]));
  return (layer, x) => {
    const found = adapted.get(layer);
    return found === undefined ? runLinear(layer, x) : runAdapted(found, x, norms);
  };
}

/**
 * LoRA: x W + s (x A) B + b. DoRA: (x W + s (x A) B) m / ||W + s A B|| + b, which never forms the adapted weight.
 * x [..., in] -> [..., out].
 */
function runAdapted(layer: AdaptedLayer, x: Tensor, norms: WeightNorms): Tensor {
  return tf.tidy(() => {
    const frozen = layer.layer;
    const [inputs, outputs] = frozen.w.shape as [number, number];
    const rows = tf.reshape(x, [-1, inputs]) as Tensor2D;
    const ab = matmulTrain(matmulTrain(rows, layer.loraA), layer.loraB); // [rows, out]
    const shape = [...x.shape.slice(0, -1), outputs];
    if (layer.magnitude === null) {
      const base = linear(rows, frozen.w, frozen.b);
      return tf.reshape(
        linearCombination([
          [1, base],
          [layer.scaling, ab],
        ]),
        shape,
      );
    }
    const base = linear(rows, frozen.w, null);
    const norm = norms.get(frozen) as Tensor1D;
    return tf.reshape(
      doraEpilogue(base, ab, layer.magnitude, norm, frozen.b, { scaling: layer.scaling }),
      shape,
    );
  });
}

import type { Convolver, Projector } from '../models/hooks.ts';
import { runConv, runLinear } from '../models/layers.ts';
import type { Conv, Linear } from '../models/parameters.ts';
import { type ConvOptions, conv2d } from '../tensor/ops/conv2d.ts';
import { doraEpilogue, doraWeightNorm } from '../tensor/ops/dora.ts';
import { linear } from '../tensor/ops/linear.ts';
import { linearCombination } from '../tensor/ops/linearCombination.ts';
import { matmulTrain } from '../tensor/ops/matmulTrain.ts';
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from '../tensor/tf.ts';
import type { Weight } from '../tensor/weights.ts';
import type { AdaptedLayer, Adapter, FixedLayer } from './adapter.ts';

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

/**
 * A projector that applies the adapter to its layers and leaves the others as they are. Differentiable at strength 1.
 *
 * @param strength how far every weight goes from W to W': 0 is the model itself, 1 the adapter, as in ComfyUI
 */
export function adapterProjector(adapter: Adapter, norms: WeightNorms, strength = 1): Projector {
  const adapted = new Map(adapter.layers.map((layer) => [layer.layer, layer]));
  const fixed = new Map<Linear | Conv, FixedLayer>(adapter.fixed.map((layer) => [layer.layer, layer]));
  const project = (layer: Linear, x: Tensor): Tensor => {
    const found = adapted.get(layer);
    if (found !== undefined) return runAtStrength(found, x, norms, strength);
    const other = fixed.get(layer);
    return other === undefined ? runLinear(layer, x) : runFixed(other, x, strength, {});
  };
  const convolve: Convolver = (layer, x, options = {}) => {
    const found = fixed.get(layer);
    return found === undefined
      ? runConv(layer, x, options)
      : (runFixed(found, x, strength, options) as Tensor4D);
  };
  const beyondTransformers = fixed.size > 0 || adapter.layers.some((l) => l.module.includes('.time_emb'));
  const changes = (layer: Linear | Conv): boolean => adapted.has(layer as Linear) || fixed.has(layer);
  return Object.assign(project, beyondTransformers ? { changes, convolve } : { changes });
}

function runAtStrength(layer: AdaptedLayer, x: Tensor, norms: WeightNorms, strength: number): Tensor {
  if (strength === 1) return runAdapted(layer, x, norms);
  if (layer.magnitude === null) return runAdapted({ ...layer, scaling: layer.scaling * strength }, x, norms);
  return tf.tidy(() => between(runLinear(layer.layer, x), runAdapted(layer, x, norms), strength));
}

/** base + strength (adapted - base). */
function between(base: Tensor, adapted: Tensor, strength: number): Tensor {
  return linearCombination([
    [1 - strength, base],
    [strength, adapted],
  ]);
}

/** ((x i) W + (x i) down up) o + b, see `FixedLayer`; convolutions with their options. x [..., in] -> [..., out]. */
function runFixed(fixed: FixedLayer, x: Tensor, strength: number, options: ConvOptions): Tensor {
  const { layer, down, up, inputScale, outputScale } = fixed;
  const { residual, ...geometry } = options;
  const apply = (weight: Weight, value: Tensor): Tensor =>
    weight.shape.length === 2
      ? linear(value, weight, null)
      : conv2d(value as Tensor4D, weight, null, geometry);
  return tf.tidy(() => {
    const scaled = inputScale === null ? x : tf.mul(x, inputScale);
    const low = apply(down, scaled);
    const sum = tf.add(apply(layer.w, scaled), up === null ? low : linear(low, up, null));
    const adapted = outputScale === null ? sum : tf.mul(sum, outputScale);
    const y = strength === 1 ? adapted : between(apply(layer.w, x), adapted, strength);
    const withBias = layer.b === null ? y : tf.add(y, layer.b);
    return residual === undefined ? withBias : tf.add(withBias, residual);
  });
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
    // Of the shape of x, by which its product's form is chosen, but behind the rows: both gradients meet there before they go on
    // to x, and sum to the bits that runs of earlier versions have.
    const again = tf.reshape(rows, x.shape);
    if (layer.magnitude === null) {
      const base = tf.reshape(linear(again, frozen.w, frozen.b), [-1, outputs]);
      return tf.reshape(
        linearCombination([
          [1, base],
          [layer.scaling, ab],
        ]),
        shape,
      );
    }
    const base = tf.reshape(linear(again, frozen.w, null), [-1, outputs]);
    const norm = norms.get(frozen) as Tensor1D;
    return tf.reshape(
      doraEpilogue(base, ab, layer.magnitude, norm, frozen.b, { scaling: layer.scaling }),
      shape,
    );
  });
}

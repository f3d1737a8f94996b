/** Linear layer on a frozen weight: `y = x W + b`. Only `x` is differentiable: `dx = dy W^T`. */
import code from '../../../shaders/nn/linear.wgsl?raw';
import gradientCode from '../../../shaders/nn/linear_gradient.wgsl?raw';
import { sizeOf } from '../compose.ts';
import { launch, u32 } from '../launch.ts';
import { type Tensor, tf } from '../tf.ts';
import { tiling } from '../tiles.ts';
import { withWeight, withWeightAndBias } from '../weightCode.ts';
import type { Weight } from '../weights.ts';
import { defineOp, only } from './define.ts';

type LinearAttributes = { readonly weight: Weight };

const runLinear = defineOp<'x' | 'w' | 'bias', LinearAttributes>({
  name: 'StudioLinear',
  composed: (compose, { x, w, bias }, { weight }) => {
    const [inner, columns] = weight.shape as [number, number];
    const rows = sizeOf(x.shape) / inner;
    const y = compose.matMul(compose.view(x, [rows, inner]), w, bias);
    return compose.view(y, [...x.shape.slice(0, -1), columns]);
  },
  webgpu: (backend, { x, w, bias }, { weight }) => {
    const [inner, columns] = weight.shape as [number, number];
    if (inner % 4 !== 0 || columns % 4 !== 0) return null;
    const rows = sizeOf(x.shape) / inner;
    const tiles = tiling(backend, rows, columns / 4);
    return launch(backend, {
      ...withWeightAndBias('linear', code, { weight, tiles, bias: bias !== undefined }),
      outputs: [[...x.shape.slice(0, -1), columns]],
      inputs: bias === undefined ? [x, w] : [x, w, bias],
      uniforms: [u32(rows), u32(inner / 4), u32(columns / 4)],
      groups: tiles.groups,
    });
  },
  gradient: {
    save: ['w'],
    run: (dys, [w], { weight }) => ({
      x: () => only(runLinearGradient({ dy: dys[0] as Tensor, w: w as Tensor }, { weight })),
    }),
  },
});

const runLinearGradient = defineOp<'dy' | 'w', LinearAttributes>({
  name: 'StudioLinearGradient',
  composed: (compose, { dy }, { weight }) => {
    const [inner, columns] = weight.shape as [number, number];
    const rows = sizeOf(dy.shape) / columns;
    const dx = compose.matMul(compose.view(dy, [rows, columns]), transposedWeight(weight));
    return compose.view(dx, [...dy.shape.slice(0, -1), inner]);
  },
  webgpu: (backend, { dy, w }, { weight }) => {
    const [inner, columns] = weight.shape as [number, number];
    if (inner % 4 !== 0 || columns % 4 !== 0) return null;
    const rows = sizeOf(dy.shape) / columns;
    const tiles = tiling(backend, rows, inner / 4);
    return launch(backend, {
      ...withWeight('linear_gradient', gradientCode, { weight, tiles }),
      outputs: [[...dy.shape.slice(0, -1), inner]],
      inputs: [dy, w],
      uniforms: [u32(rows), u32(inner / 4), u32(columns / 4)],
      groups: tiles.groups,
    });
  },
});

/**
 * @param x [..., K]
 * @param w [K, N]
 * @param bias [N] or null
 * @returns [..., N]
 */
export function linear<T extends Tensor>(x: T, w: Weight, bias: Tensor | null): T {
  const inputs = { x, w: w.tensor };
  return only(runLinear(bias === null ? inputs : { ...inputs, bias }, { weight: w })) as T;
}

/** `W^T` [N, K], made once per weight: only un-transposed matmuls are fast on wasm. */
function transposedWeight(weight: Weight): Tensor {
  weight.forGradient ??= tf.keep(tf.transpose(weight.tensor));
  return weight.forGradient;
}

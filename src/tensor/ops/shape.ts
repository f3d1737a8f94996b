/** Ops that move data: nearest-neighbor upsampling and concatenation of channels. */
import { type Tensor, type Tensor4D, tf } from '../tf.ts';
import { defineOp, only } from './define.ts';

type Size = readonly [height: number, width: number];

const runUpsample = defineOp<'x', { readonly size: Size }>({
  name: 'StudioUpsampleNearest',
  composed: (compose, { x }, { size }) =>
    compose.run(
      'ResizeNearestNeighbor',
      { images: x },
      { alignCorners: false, halfPixelCenters: false, size: [...size] },
    ),
  gradient: {
    save: ['x'],
    run: ([dy], [x]) => ({ x: () => only(runUpsampleGradient({ x: x as Tensor, dy: dy as Tensor }, {})) }),
  },
});

const runUpsampleGradient = defineOp<'x' | 'dy', Record<never, never>>({
  name: 'StudioUpsampleNearestGradient',
  composed: (compose, { x, dy }) =>
    compose.run('ResizeNearestNeighborGrad', { images: x, dy }, { alignCorners: false }),
});

/**
 * Nearest neighbor as PyTorch's `interpolate`: source row = floor(row H / H').
 *
 * @param x [N, H, W, C]
 * @param size H', W'
 * @returns [N, H', W', C]
 */
export function upsampleNearest(x: Tensor4D, size: Size): Tensor4D {
  return only(runUpsample({ x }, { size })) as Tensor4D;
}

/** Joins [N, H, W, C_i] along the channels. */
export function concatChannels(parts: readonly Tensor4D[]): Tensor4D {
  return tf.concat([...parts], 3);
}

/** Ops that move data: nearest-neighbor upsampling and concatenation of channels. */
import type { Compose } from '../composed/compose.ts';
import type { Tensor, Tensor4D, TensorInfo } from '../tf.ts';
import { defineOp, only } from './define.ts';

type Size = readonly [height: number, width: number];

const runUpsample = defineOp<'x', { readonly size: Size }>({
  name: 'StudioUpsampleNearest',
  composed: (compose, { x }, { size }) => composeUpsample(compose, x, size),
  gradient: {
    save: ['x'],
    run: ([dy], [x]) => ({ x: () => upsampleGradient(dy as Tensor4D, (x as Tensor4D).shape) }),
  },
});

/** `upsampleNearest` inside another op. */
export function composeUpsample(compose: Compose, x: TensorInfo, size: Size): TensorInfo {
  const attributes = { alignCorners: false, halfPixelCenters: false, size: [...size] };
  return compose.run('ResizeNearestNeighbor', { images: x }, attributes);
}

const runUpsampleGradient = defineOp<'dy', { readonly shape: readonly number[] }>({
  name: 'StudioUpsampleNearestGradient',
  composed: (compose, { dy }, { shape }) => {
    // Of the images, the stock kernel asks only for the shape.
    const images = compose.view(dy, shape);
    return compose.run('ResizeNearestNeighborGrad', { images, dy }, { alignCorners: false });
  },
});

/** Sums dy [N, H', W', C] over the pixels that `upsampleNearest` made of each pixel of an image of shape `shape`. */
export function upsampleGradient(dy: Tensor4D, shape: readonly number[]): Tensor4D {
  return only(runUpsampleGradient({ dy }, { shape })) as Tensor4D;
}

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

const partName = (i: number): string => `p${i}`;

const runConcat = defineOp<string, { readonly widths: readonly number[] }>({
  name: 'StudioConcatChannels',
  wasm: (heap, inputs, { widths }) => {
    const parts = widths.map((_, i) => inputs[partName(i)] as TensorInfo);
    const total = widths.reduce((sum, width) => sum + width, 0);
    const joined = heap.allocate([...(parts[0] as TensorInfo).shape.slice(0, -1), total]);
    const to = heap.values(joined);
    let first = 0;
    for (const [i, part] of parts.entries()) {
      const width = widths[i] as number;
      const from = heap.values(part);
      for (let row = 0; row < to.length / total; row++) {
        to.set(from.subarray(row * width, (row + 1) * width), row * total + first);
      }
      first += width;
    }
    return joined;
  },
  composed: (compose, inputs, { widths }) => {
    const parts = widths.map((_, i) => inputs[partName(i)] as TensorInfo);
    return compose.run('Concat', parts, { axis: (parts[0] as TensorInfo).shape.length - 1 });
  },
  gradient: {
    save: [],
    run: ([dy], _saved, { widths }) => {
      const firsts = widths.map((_, i) => widths.slice(0, i).reduce((sum, width) => sum + width, 0));
      return Object.fromEntries(
        widths.map((width, i) => [
          partName(i),
          () => only(runSliceChannels({ x: dy as Tensor }, { first: firsts[i] as number, width })),
        ]),
      );
    },
  },
});

const runSliceChannels = defineOp<'x', { readonly first: number; readonly width: number }>({
  name: 'StudioSliceChannels',
  // The stock slice of the wasm backend copies its whole input to JavaScript first.
  wasm: (heap, { x }, { first, width }) => {
    const total = x.shape.at(-1) as number;
    const part = heap.allocate([...x.shape.slice(0, -1), width]);
    const [from, to] = [heap.values(x), heap.values(part)];
    for (let row = 0; row < to.length / width; row++) {
      const start = row * total + first;
      to.set(from.subarray(start, start + width), row * width);
    }
    return part;
  },
  composed: (compose, { x }, { first, width }) => {
    const outer = x.shape.slice(0, -1);
    return compose.slice(x, [...outer.map(() => 0), first], [...outer, width]);
  },
});

/** Joins [..., C_i] along the channels. */
export function concatChannels<T extends Tensor>(parts: readonly T[]): T {
  const inputs = Object.fromEntries(parts.map((part, i) => [partName(i), part]));
  return only(runConcat(inputs, { widths: parts.map((part) => part.shape.at(-1) as number) })) as T;
}

/** Channels `first` to `first + width` of x [N, H, W, C]: [N, H, W, width]. */
export function sliceChannels(x: Tensor4D, first: number, width: number): Tensor4D {
  return only(runSliceChannels({ x }, { first, width })) as Tensor4D;
}

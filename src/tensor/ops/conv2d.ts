/**
 * 2-D convolution on a frozen weight, NHWC, with nearest-neighbor enlargement before and the addition of a tensor after
 * it where they are asked for. Differentiable in `x` and in that tensor.
 */
import { StudioError } from '../../lib/errors.ts';
import { sizeOf, type Tensor, type Tensor4D } from '../tf.ts';
import { convolve, convolveGradient } from '../wasm/products.ts';
import type { ConvGeometry } from '../wasm/winograd.ts';
import type { Uniform } from '../webgpu/bindings.ts';
import { u32 } from '../webgpu/launch.ts';
import { launchOneProduct } from '../webgpu/products.ts';
import type { Weight } from '../weights.ts';
import { defineOp, only } from './define.ts';
import { composeUpsample, upsampleGradient } from './shape.ts';

/** `same` pads (k-1)/2 on every side, as PyTorch's `padding`; `bottomRight` pads one row and one column at the end. */
type ConvPadding = 'same' | 'none' | 'bottomRight';

export type ConvOptions = {
  readonly stride?: 1 | 2;
  readonly pad?: ConvPadding;
  /** Enlarges `x` to this height and width by nearest neighbors first; on webgpu without storing the enlarged image. */
  readonly upsample?: readonly [height: number, width: number];
  /** Added to the result in the same pass; of its shape. */
  readonly residual?: Tensor4D;
  /** Value of `bias` that belongs to the first channel, where it holds those of several layers; default 0. */
  readonly firstBias?: number;
};

type EnlargedGeometry = ConvGeometry & {
  /** Height and width of `x` as it is given; the other sizes are those after it was enlarged. */
  readonly source: readonly [height: number, width: number];
};

type ConvAttributes = {
  readonly weight: Weight;
  readonly geometry: EnlargedGeometry;
  readonly firstBias: number;
};

const runConv = defineOp<'x' | 'w' | 'bias' | 'residual', ConvAttributes>({
  name: 'StudioConv2d',
  webgpu: (backend, { x, w, bias, residual }, { weight, geometry: g, firstBias }) =>
    launchOneProduct(backend, {
      op: 'conv2d',
      x,
      weight: { tensor: w, packed: weight.packed },
      bias,
      firstBias,
      residual,
      outputShape: [g.batch, g.outHeight, g.outWidth, g.outChannels],
      rows: g.batch * g.outHeight * g.outWidth,
      depth: g.inChannels,
      width: g.outChannels,
      geometry: convUniforms(g),
      constants: { upsampled: isEnlarged(g) },
      terms: g.kernelHeight * g.kernelWidth * g.inChannels,
    }),
  wasm: (heap, { x, bias, residual }, { weight, geometry, firstBias }) => {
    const image = isEnlarged(geometry) ? composeUpsample(heap, x, [geometry.height, geometry.width]) : x;
    const channels = geometry.outChannels;
    let own = bias;
    if (bias !== undefined && sizeOf(bias.shape) > channels) {
      own = heap.allocate([channels]);
      heap.values(own).set(heap.values(bias).subarray(firstBias, firstBias + channels));
    }
    return convolve(heap, image, weight, geometry, { bias: own, residual });
  },
  gradient: {
    // The frozen weight is at hand in the attributes; saving it would copy it on wasm.
    save: [],
    run: ([dy], _saved, attrs) => ({
      x: () => {
        const g = attrs.geometry;
        const dx = only(runConvGradient({ dy: dy as Tensor, w: attrs.weight.tensor }, attrs));
        if (!isEnlarged(g)) return dx;
        return upsampleGradient(dx as Tensor4D, [g.batch, ...g.source, g.inChannels]);
      },
      residual: () => (dy as Tensor).clone(),
    }),
  },
});

function isEnlarged(g: EnlargedGeometry): boolean {
  return g.source[0] !== g.height || g.source[1] !== g.width;
}

const runConvGradient = defineOp<'dy' | 'w', ConvAttributes>({
  name: 'StudioConv2dGradient',
  webgpu: (backend, { dy, w }, { weight, geometry: g }) =>
    launchOneProduct(backend, {
      op: 'conv2d_gradient',
      x: dy,
      weight: { tensor: w, packed: weight.packed },
      outputShape: [g.batch, g.height, g.width, g.inChannels],
      rows: g.batch * g.height * g.width,
      depth: g.outChannels,
      width: g.inChannels,
      geometry: convUniforms(g),
      terms: g.kernelHeight * g.kernelWidth * g.outChannels,
    }),
  wasm: (heap, { dy }, { weight, geometry }) => convolveGradient(heap, dy, weight, geometry),
});

/**
 * @param x [N, H, W, Cin]
 * @param w [kh, kw, Cin, Cout]
 * @param bias [Cout], or longer with `firstBias`, or null
 * @returns [N, H', W', Cout] with H' = floor((H + padding - kh) / stride) + 1
 * @throws StudioError `conv-shape` when the channels of `x` are not those of `w`
 */
export function conv2d(x: Tensor4D, w: Weight, bias: Tensor | null, options: ConvOptions = {}): Tensor4D {
  const { residual, firstBias = 0 } = options;
  const inputs = {
    x,
    w: w.tensor,
    ...(bias === null ? {} : { bias }),
    ...(residual === undefined ? {} : { residual }),
  };
  const attrs = { weight: w, geometry: convGeometry(x.shape, w, options), firstBias };
  return only(runConv(inputs, attrs)) as Tensor4D;
}

function convGeometry(shape: readonly number[], w: Weight, options: ConvOptions): EnlargedGeometry {
  const [batch, sourceHeight, sourceWidth, inChannels] = shape as [number, number, number, number];
  const [height, width] = options.upsample ?? [sourceHeight, sourceWidth];
  const [kernelHeight, kernelWidth, weightChannels, outChannels] = w.shape as [
    number,
    number,
    number,
    number,
  ];
  if (weightChannels !== inChannels) {
    throw new StudioError('conv-shape', `${w.name} takes ${weightChannels} channels, not ${inChannels}.`, {
      remedy: 'The model configuration does not fit its weights; get both from the same place.',
      where: w.name,
    });
  }
  const { stride = 1, pad = 'same' } = options;
  const before = (size: number): number => (pad === 'same' ? (size - 1) / 2 : 0);
  const after = (size: number): number => (pad === 'bottomRight' ? 1 : before(size));
  const [padTop, padLeft] = [before(kernelHeight), before(kernelWidth)];
  const [padBottom, padRight] = [after(kernelHeight), after(kernelWidth)];
  return {
    batch,
    source: [sourceHeight, sourceWidth],
    height,
    width,
    inChannels,
    outHeight: Math.floor((height + padTop + padBottom - kernelHeight) / stride) + 1,
    outWidth: Math.floor((width + padLeft + padRight - kernelWidth) / stride) + 1,
    outChannels,
    kernelHeight,
    kernelWidth,
    stride,
    padTop,
    padBottom,
    padLeft,
    padRight,
  };
}

function convUniforms(g: EnlargedGeometry): Uniform[] {
  return [
    g.height,
    g.width,
    g.outHeight,
    g.outWidth,
    g.kernelHeight,
    g.kernelWidth,
    g.stride,
    g.padTop,
    g.padLeft,
    ...g.source,
  ].map(u32);
}

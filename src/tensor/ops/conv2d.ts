/** 2-D convolution on a frozen weight, NHWC. Only `x` is differentiable. */
import code from '../../../shaders/nn/conv2d.wgsl?raw';
import gradientCode from '../../../shaders/nn/conv2d_gradient.wgsl?raw';
import { StudioError } from '../../lib/errors.ts';
import type { Compose } from '../compose.ts';
import { launch, type Uniform, u32 } from '../launch.ts';
import { type Tensor, type Tensor4D, type TensorInfo, tf } from '../tf.ts';
import { tiling } from '../tiles.ts';
import { type ConvGeometry, convolve, convolveGradient } from '../wasmProducts.ts';
import { withWeight, withWeightAndBias } from '../weightCode.ts';
import type { Weight } from '../weights.ts';
import { defineOp, only } from './define.ts';

/** `same` pads (k-1)/2 on every side, as PyTorch's `padding`; `bottomRight` pads one row and one column at the end. */
export type ConvPadding = 'same' | 'none' | 'bottomRight';

export type ConvOptions = {
  readonly stride?: 1 | 2;
  readonly pad?: ConvPadding;
  /**
   * Set for a bias made for this call. On wasm it is then added afterwards: XNNPACK packs weight and bias together, and
   * packing 3x3x128x128 again for a new bias takes 0.8 ms, adding it 0.1 ms (2 x 8x8 pixels: the convolution takes 1.1 ms).
   */
  readonly freshBias?: boolean;
};

type ConvAttributes = {
  readonly weight: Weight;
  readonly geometry: ConvGeometry;
  readonly freshBias: boolean;
};

const runConv = defineOp<'x' | 'w' | 'bias', ConvAttributes>({
  name: 'StudioConv2d',
  composed: (compose, { x, w, bias }, { geometry: g, freshBias }) => {
    const padding: Padding = [g.padTop, g.padBottom, g.padLeft, g.padRight];
    if (!freshBias || bias === undefined) return stockConv(compose, x, w, bias, g.stride, padding);
    return compose.add(stockConv(compose, x, w, undefined, g.stride, padding), bias);
  },
  webgpu: (backend, { x, w, bias }, { weight, geometry: g }) => {
    if (!divisible(g)) return null;
    const pixels = g.batch * g.outHeight * g.outWidth;
    const tiles = tiling(backend, pixels, g.outChannels / 4);
    return launch(backend, {
      ...withWeightAndBias('conv2d', code, { weight, tiles, bias: bias !== undefined }),
      outputs: [[g.batch, g.outHeight, g.outWidth, g.outChannels]],
      inputs: bias === undefined ? [x, w] : [x, w, bias],
      uniforms: convUniforms(pixels, g),
      groups: tiles.groups,
    });
  },
  wasm: (heap, { x, bias }, { weight, geometry }) => convolve(heap, x, weight, geometry, bias),
  gradient: {
    // The frozen weight is at hand in the attributes; saving it would copy it on wasm.
    save: [],
    run: ([dy], _saved, attrs) => ({
      x: () => only(runConvGradient({ dy: dy as Tensor, w: attrs.weight.tensor }, attrs)),
    }),
  },
});

const runConvGradient = defineOp<'dy' | 'w', ConvAttributes>({
  name: 'StudioConv2dGradient',
  // The transposed convolution as an ordinary one: spread dy by the stride, convolve with the flipped weight.
  composed: (compose, { dy }, { weight, geometry: g }) => {
    const spread = g.stride === 1 ? dy : spreadByTwo(compose, dy, g);
    const [, spreadHeight, spreadWidth] = spread.shape as [number, number, number, number];
    const padTop = g.kernelHeight - 1 - g.padTop;
    const padLeft = g.kernelWidth - 1 - g.padLeft;
    const padBottom = g.height + g.kernelHeight - 1 - spreadHeight - padTop;
    const padRight = g.width + g.kernelWidth - 1 - spreadWidth - padLeft;
    const dx = stockConv(compose, spread, flippedWeight(weight), undefined, 1, [
      padTop,
      Math.max(padBottom, 0),
      padLeft,
      Math.max(padRight, 0),
    ]);
    if (padBottom >= 0 && padRight >= 0) return dx;
    return compose.slice(dx, [0, 0, 0, 0], [g.batch, g.height, g.width, g.inChannels]);
  },
  webgpu: (backend, { dy, w }, { weight, geometry: g }) => {
    if (!divisible(g)) return null;
    const pixels = g.batch * g.height * g.width;
    const tiles = tiling(backend, pixels, g.inChannels / 4);
    return launch(backend, {
      ...withWeight('conv2d_gradient', gradientCode, { weight, tiles }),
      outputs: [[g.batch, g.height, g.width, g.inChannels]],
      inputs: [dy, w],
      uniforms: convUniforms(pixels, g),
      groups: tiles.groups,
    });
  },
  wasm: (heap, { dy }, { weight, geometry }) => convolveGradient(heap, dy, weight, geometry),
});

/**
 * @param x [N, H, W, Cin]
 * @param w [kh, kw, Cin, Cout]
 * @param bias [Cout] or null
 * @returns [N, H', W', Cout] with H' = floor((H + padding - kh) / stride) + 1
 * @throws StudioError `conv-shape` when the channels of `x` are not those of `w`
 */
export function conv2d(x: Tensor4D, w: Weight, bias: Tensor | null, options: ConvOptions = {}): Tensor4D {
  const inputs = { x, w: w.tensor };
  const { freshBias = false } = options;
  const attrs = { weight: w, geometry: convGeometry(x.shape, w, options), freshBias };
  return only(runConv(bias === null ? inputs : { ...inputs, bias }, attrs)) as Tensor4D;
}

function convGeometry(shape: readonly number[], w: Weight, options: ConvOptions): ConvGeometry {
  const [batch, height, width, inChannels] = shape as [number, number, number, number];
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

function divisible(g: ConvGeometry): boolean {
  return g.inChannels % 4 === 0 && g.outChannels % 4 === 0;
}

function convUniforms(pixels: number, g: ConvGeometry): Uniform[] {
  return [
    pixels,
    g.height,
    g.width,
    g.outHeight,
    g.outWidth,
    g.kernelHeight,
    g.kernelWidth,
    g.stride,
    g.padTop,
    g.padLeft,
    g.inChannels / 4,
    g.outChannels / 4,
  ].map(u32);
}

type Padding = readonly [top: number, bottom: number, left: number, right: number];

function stockConv(
  compose: Compose,
  x: TensorInfo,
  filter: TensorInfo,
  bias: TensorInfo | undefined,
  stride: number,
  [top, bottom, left, right]: Padding,
): TensorInfo {
  return compose.run('FusedConv2D', bias === undefined ? { x, filter } : { x, filter, bias }, {
    strides: [stride, stride],
    pad: [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ],
    dataFormat: 'NHWC',
    dilations: [1, 1],
    dimRoundingMode: 'floor',
    activation: 'linear',
    leakyreluAlpha: 0,
  });
}

/** Puts a zero after every pixel in both directions: [N,H,W,C] to [N,2H,2W,C]. */
function spreadByTwo(compose: Compose, dy: TensorInfo, g: ConvGeometry): TensorInfo {
  const { batch, outHeight, outWidth, outChannels } = g;
  const padEnd = (x: TensorInfo, rows: number, columns: number): TensorInfo =>
    compose.run(
      'PadV2',
      { x: compose.view(x, [rows, columns]) },
      {
        paddings: [
          [0, 0],
          [0, columns],
        ],
        constantValue: 0,
      },
    );
  const wide = padEnd(dy, batch * outHeight * outWidth, outChannels);
  const tall = padEnd(wide, batch * outHeight, 2 * outWidth * outChannels);
  return compose.view(tall, [batch, 2 * outHeight, 2 * outWidth, outChannels]);
}

/** The weight rotated by 180 degrees with input and output channels swapped, made once per weight. */
function flippedWeight(weight: Weight): Tensor {
  weight.forGradient ??= tf.keep(
    tf.tidy(() => tf.transpose(tf.reverse(weight.tensor, [0, 1]), [0, 1, 3, 2])),
  );
  return weight.forGradient;
}

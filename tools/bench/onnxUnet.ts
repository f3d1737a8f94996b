// The UNet as an ONNX graph, in the form ONNX Runtime's CPU kernels are fastest with: NCHW convolutions, dense layers as
// MatMul + Add (which it fuses and packs ahead), group norm as InstanceNormalization over groups (as PyTorch exports
// it; the GroupNormalization operator is split into more and slower nodes), and its fused multi-head attention.

import type { Conv, Linear, Norm } from '../../src/models/parameters.ts';
import type {
  Attention,
  Block,
  Layer,
  Resnet,
  Transformer,
  UnetWeights,
} from '../../src/models/unet/weights.ts';
import type { Tensor } from '../../src/tensor/tf.ts';
import { OnnxGraph } from './onnxModel.ts';

type OnnxUnetSizes = {
  readonly batch: number;
  readonly size: number;
  readonly tokens: number;
  /** Weights and arithmetic in float16. */
  readonly halves?: boolean;
};

/** `fused`: ONNX Runtime's own operator; `plain`: MatMul, Softmax, MatMul, as exporters write it. */
export type OnnxAttention = 'fused' | 'plain';

const OPSET = 20;
const LAYER_NORM_EPS = 1e-5;
const TRANSFORMER_NORM_EPS = 1e-6;

/** A value [N, channels, size, size] of the graph. */
type Image = { readonly value: string; readonly channels: number; readonly size: number };

/**
 * Inputs: `zt` [N,4,s,s], `sinusoid` [1,C0] (the timestep embedding), `context` [N,L,D]. Output: `prediction`
 * [N,4,s,s]. All samples share the timestep.
 *
 * @param read the values of one of the model's tensors
 * @returns an .onnx file
 */
export function onnxUnet(
  w: UnetWeights,
  read: (tensor: Tensor) => Float32Array,
  sizes: OnnxUnetSizes,
  form: OnnxAttention,
): Uint8Array {
  return new UnetWriter(w, read, sizes, form).write();
}

class UnetWriter {
  readonly #graph: OnnxGraph;
  readonly #w: UnetWeights;
  readonly #read: (tensor: Tensor) => Float32Array;
  readonly #sizes: OnnxUnetSizes;
  readonly #form: OnnxAttention;
  #temb = '';
  #context = '';

  constructor(
    w: UnetWeights,
    read: (tensor: Tensor) => Float32Array,
    sizes: OnnxUnetSizes,
    form: OnnxAttention,
  ) {
    this.#graph = new OnnxGraph('unet', OPSET, sizes.halves);
    this.#w = w;
    this.#read = read;
    this.#sizes = sizes;
    this.#form = form;
  }

  write(): Uint8Array {
    const g = this.#graph;
    const w = this.#w;
    const { batch, size, tokens } = this.#sizes;
    const { config } = w;
    const zt = g.input('zt', [batch, config.inChannels, size, size]);
    const sinusoid = g.input('sinusoid', [1, config.channels[0] as number]);
    this.#context = g.input('context', [batch, tokens, config.contextWidth]);
    this.#temb = this.#silu(this.#linear(w.time2, this.#silu(this.#linear(w.time1, sinusoid))));

    let x = this.#conv(w.convIn, { value: zt, channels: config.inChannels, size });
    const skips: Image[] = [x];
    for (const block of w.down) x = this.#downBlock(block, x, skips);
    x = this.#layer(w.mid.last, this.#layer(w.mid.first, x));
    for (const block of w.up) x = this.#upBlock(block, x, skips);
    const normed = this.#groupNorm(w.normOut, x, config.normEps);
    const out = this.#conv(w.convOut, { ...x, value: this.#silu(normed.value) });
    // The output's name has to be the one the caller asks for.
    g.output(out.value, [batch, config.outChannels, size, size]);
    return g.encode();
  }

  #downBlock(block: Block, input: Image, skips: Image[]): Image {
    let x = input;
    for (const layer of block.layers) {
      x = this.#layer(layer, x);
      skips.push(x);
    }
    if (block.resample === null) return x;
    x = this.#conv(block.resample, x, 2);
    skips.push(x);
    return x;
  }

  #upBlock(block: Block, input: Image, skips: Image[]): Image {
    let x = input;
    for (const layer of block.layers) {
      const skip = skips.pop() as Image;
      const value = this.#graph.node('Concat', [x.value, skip.value], { axis: 1 });
      x = this.#layer(layer, { value, channels: x.channels + skip.channels, size: x.size });
    }
    if (block.resample === null) return x;
    const { size } = skips.at(-1) as Image;
    const sizes = this.#graph.integers([this.#sizes.batch, x.channels, size, size]);
    const value = this.#graph.node('Resize', [x.value, '', '', sizes], {
      mode: 'nearest',
      nearest_mode: 'floor',
      coordinate_transformation_mode: 'asymmetric',
    });
    return this.#conv(block.resample, { value, channels: x.channels, size });
  }

  #layer(layer: Layer, x: Image): Image {
    const h = this.#resnet(layer.resnet, x);
    return layer.transformer === null ? h : this.#transformer(layer.transformer, h);
  }

  #resnet(w: Resnet, x: Image): Image {
    const g = this.#graph;
    const eps = this.#w.config.normEps;
    const activated = this.#silu(this.#groupNorm(w.norm1, x, eps).value);
    const first = this.#conv(w.conv1, { ...x, value: activated });
    const time = g.node('Reshape', [
      this.#linear(w.timeProjection, this.#temb),
      g.integers([1, first.channels, 1, 1]),
    ]);
    const h = { ...first, value: g.node('Add', [first.value, time]) };
    const second = this.#conv(w.conv2, { ...h, value: this.#silu(this.#groupNorm(w.norm2, h, eps).value) });
    const shortcut = w.shortcut === null ? x.value : this.#pointwise(w.shortcut, x);
    return { ...second, value: g.node('Add', [shortcut, second.value]) };
  }

  #transformer(w: Transformer, x: Image): Image {
    const g = this.#graph;
    const { batch } = this.#sizes;
    const { channels, size } = x;
    const normed = this.#groupNorm(w.norm, x, TRANSFORMER_NORM_EPS).value;
    const flat = g.node('Reshape', [normed, g.integers([batch, channels, size * size])]);
    let h = this.#linear(w.projIn, g.node('Transpose', [flat], { perm: [0, 2, 1] }));
    for (const block of w.blocks) {
      const n1 = this.#layerNorm(block.norm1, h);
      h = g.node('Add', [h, this.#attention(block.attn1, n1, n1)]);
      const n2 = this.#layerNorm(block.norm2, h);
      h = g.node('Add', [h, this.#attention(block.attn2, n2, this.#context)]);
      const wide = this.#linear(block.feedIn, this.#layerNorm(block.norm3, h));
      const [value, gate] = g.nodes('Split', [wide], { axis: -1, num_outputs: 2 }, 2) as [string, string];
      const hidden = g.node('Mul', [value, g.node('Gelu', [gate])]);
      h = g.node('Add', [h, this.#linear(block.feedOut, hidden)]);
    }
    const out = g.node('Transpose', [this.#linear(w.projOut, h)], { perm: [0, 2, 1] });
    const value = g.node('Reshape', [out, g.integers([batch, channels, size, size])]);
    return { ...x, value: g.node('Add', [value, x.value]) };
  }

  #attention(w: Attention, x: string, context: string): string {
    const g = this.#graph;
    const q = this.#linear(w.toQ, x);
    const k = this.#linear(w.toK, context);
    const v = this.#linear(w.toV, context);
    if (this.#form === 'fused') {
      return this.#linear(w.toOut, g.contributed('MultiHeadAttention', [q, k, v], { num_heads: w.heads }));
    }
    const { batch } = this.#sizes;
    const width = w.toQ.w.shape[1] as number;
    const head = width / w.heads;
    const split = (value: string, perm: readonly number[]): string =>
      g.node('Transpose', [g.node('Reshape', [value, g.integers([batch, -1, w.heads, head])])], { perm });
    const scale = g.floats(Float32Array.of(1 / Math.sqrt(head)), []);
    const scores = g.node('MatMul', [g.node('Mul', [split(q, [0, 2, 1, 3]), scale]), split(k, [0, 2, 3, 1])]);
    const probs = g.node('Softmax', [scores], { axis: -1 });
    const mixed = g.node('Transpose', [g.node('MatMul', [probs, split(v, [0, 2, 1, 3])])], {
      perm: [0, 2, 1, 3],
    });
    return this.#linear(w.toOut, g.node('Reshape', [mixed, g.integers([batch, -1, width])]));
  }

  /** x [..., in] -> [..., out]. */
  #linear({ w, b }: Linear, x: string): string {
    const g = this.#graph;
    const y = g.node('MatMul', [x, g.floats(this.#read(w.tensor), w.shape)]);
    return b === null ? y : g.node('Add', [y, g.floats(this.#read(b), b.shape)]);
  }

  #pointwise({ w, b }: Linear, x: Image): string {
    const [inputs, outputs] = w.shape as [number, number];
    const filter = convToCheckpoint(this.#read(w.tensor), [1, 1, inputs, outputs]);
    const inputsOf = [x.value, this.#graph.floats(filter, [outputs, inputs, 1, 1])];
    if (b !== null) inputsOf.push(this.#graph.floats(this.#read(b), b.shape));
    return this.#graph.node('Conv', inputsOf, { kernel_shape: [1, 1] });
  }

  #conv({ w, b }: Conv, x: Image, stride = 1): Image {
    const [height, width, inputs, outputs] = w.shape as [number, number, number, number];
    const filter = convToCheckpoint(this.#read(w.tensor), [height, width, inputs, outputs]);
    const value = this.#graph.node(
      'Conv',
      [
        x.value,
        this.#graph.floats(filter, [outputs, inputs, height, width]),
        this.#graph.floats(this.#read(b), b.shape),
      ],
      { kernel_shape: [height, width], pads: [1, 1, 1, 1], strides: [stride, stride] },
    );
    return { value, channels: outputs, size: Math.floor((x.size - 1) / stride) + 1 };
  }

  #groupNorm({ gamma, beta }: Norm, x: Image, epsilon: number): Image {
    const g = this.#graph;
    const { groups } = this.#w.config;
    const { batch } = this.#sizes;
    const { channels, size } = x;
    const grouped = g.node('Reshape', [x.value, g.integers([batch, groups, -1])]);
    const ones = g.floats(new Float32Array(groups).fill(1), [groups]);
    const zeros = g.floats(new Float32Array(groups), [groups]);
    const normed = g.node('InstanceNormalization', [grouped, ones, zeros], { epsilon });
    const image = g.node('Reshape', [normed, g.integers([batch, channels, size, size])]);
    const scaled = g.node('Mul', [image, g.floats(this.#read(gamma), [channels, 1, 1])]);
    return { ...x, value: g.node('Add', [scaled, g.floats(this.#read(beta), [channels, 1, 1])]) };
  }

  #layerNorm({ gamma, beta }: Norm, x: string): string {
    const g = this.#graph;
    const inputs = [x, g.floats(this.#read(gamma), gamma.shape), g.floats(this.#read(beta), beta.shape)];
    return g.node('LayerNormalization', inputs, { axis: -1, epsilon: LAYER_NORM_EPS });
  }

  /** ONNX Runtime turns the pair into one node. */
  #silu(x: string): string {
    return this.#graph.node('Mul', [x, this.#graph.node('Sigmoid', [x])]);
  }
}

/** `[kh, kw, Cin, Cout]` to `[Cout, Cin, kh, kw]`. */
function convToCheckpoint(
  data: Float32Array,
  [height, width, inputs, outputs]: readonly [number, number, number, number],
): Float32Array {
  const result = new Float32Array(data.length);
  const area = height * width;
  for (let tap = 0; tap < area; tap++) {
    for (let channel = 0; channel < inputs; channel++) {
      for (let out = 0; out < outputs; out++) {
        result[(out * inputs + channel) * area + tap] = data[
          (tap * inputs + channel) * outputs + out
        ] as number;
      }
    }
  }
  return result;
}

/** Typed weights of the UNet, and the walk that asks a source for every parameter by its diffusers name. */
import {
  type Conv,
  conv3,
  type Linear,
  linear,
  type Norm,
  norm,
  type ParameterSource,
  pointwise,
} from '../parameters.ts';
import type { UnetConfig } from './config.ts';

export type Resnet = {
  readonly norm1: Norm;
  readonly conv1: Conv;
  readonly timeProjection: Linear;
  readonly norm2: Norm;
  readonly conv2: Conv;
  /** 1x1 shortcut, only where the channel count changes. */
  readonly shortcut: Linear | null;
};

export type Attention = {
  /** Module path, e.g. `mid_block.attentions.0.transformer_blocks.0.attn2`. */
  readonly name: string;
  readonly kind: 'self' | 'cross';
  readonly heads: number;
  readonly toQ: Linear;
  readonly toK: Linear;
  readonly toV: Linear;
  readonly toOut: Linear;
};

export type TransformerBlock = {
  readonly norm1: Norm;
  readonly attn1: Attention;
  readonly norm2: Norm;
  readonly attn2: Attention;
  readonly norm3: Norm;
  readonly feedIn: Linear;
  readonly feedOut: Linear;
};

export type Transformer = {
  readonly norm: Norm;
  readonly projIn: Linear;
  readonly blocks: readonly TransformerBlock[];
  readonly projOut: Linear;
};

export type Layer = {
  readonly name: string;
  readonly resnet: Resnet;
  readonly transformer: Transformer | null;
};
export type Block = {
  readonly name: string;
  readonly layers: readonly Layer[];
  readonly resample: Conv | null;
};

export type UnetWeights = {
  readonly config: UnetConfig;
  readonly convIn: Conv;
  readonly time1: Linear;
  readonly time2: Linear;
  readonly down: readonly Block[];
  readonly mid: { readonly first: Layer; readonly last: Layer };
  readonly up: readonly Block[];
  readonly normOut: Norm;
  readonly convOut: Conv;
};

/** Builds the typed weights by asking `p` for each of the model's parameters exactly once. */
export function buildUnet(config: UnetConfig, p: ParameterSource): UnetWeights {
  const { channels, layersPerBlock } = config;
  const levels = channels.length;
  const at = (list: readonly number[], i: number): number => list[i] as number;
  const outer = at(channels, 0);
  const inner = at(channels, levels - 1);
  const timeWidth = outer * 4;

  const resnet = (name: string, inputs: number, outputs: number): Resnet => ({
    norm1: norm(p, `${name}.norm1`, inputs),
    conv1: conv3(p, `${name}.conv1`, inputs, outputs),
    timeProjection: linear(p, `${name}.time_emb_proj`, timeWidth, outputs, true),
    norm2: norm(p, `${name}.norm2`, outputs),
    conv2: conv3(p, `${name}.conv2`, outputs, outputs),
    shortcut: inputs === outputs ? null : pointwise(p, `${name}.conv_shortcut`, inputs, outputs),
  });
  const transformer = (name: string, level: number): Transformer => {
    const width = at(channels, level);
    const projection = config.linearProjection
      ? (n: string) => linear(p, n, width, width, true)
      : (n: string) => pointwise(p, n, width, width);
    return {
      norm: norm(p, `${name}.norm`, width),
      projIn: projection(`${name}.proj_in`),
      blocks: Array.from({ length: at(config.transformerLayers, level) }, (_, i) =>
        transformerBlock(
          p,
          `${name}.transformer_blocks.${i}`,
          width,
          config.contextWidth,
          at(config.heads, level),
        ),
      ),
      projOut: projection(`${name}.proj_out`),
    };
  };
  const layer = (block: string, i: number, inputs: number, level: number, attention: boolean): Layer => ({
    name: `${block}.resnets.${i}`,
    resnet: resnet(`${block}.resnets.${i}`, inputs, at(channels, level)),
    transformer: attention ? transformer(`${block}.attentions.${i}`, level) : null,
  });

  const convIn = conv3(p, 'conv_in', config.inChannels, outer);
  const time1 = linear(p, 'time_embedding.linear_1', outer, timeWidth, true);
  const time2 = linear(p, 'time_embedding.linear_2', timeWidth, timeWidth, true);
  const skipChannels: number[] = [outer];

  const down = channels.map((width, level): Block => {
    const name = `down_blocks.${level}`;
    const inputs = level === 0 ? outer : at(channels, level - 1);
    const layers = Array.from({ length: layersPerBlock }, (_, i) => {
      skipChannels.push(width);
      return layer(name, i, i === 0 ? inputs : width, level, config.downAttention[level] ?? false);
    });
    if (level === levels - 1) return { name, layers, resample: null };
    skipChannels.push(width);
    return { name, layers, resample: conv3(p, `${name}.downsamplers.0.conv`, width, width) };
  });

  const mid = {
    first: {
      name: 'mid_block.resnets.0',
      resnet: resnet('mid_block.resnets.0', inner, inner),
      transformer: transformer('mid_block.attentions.0', levels - 1),
    },
    last: {
      name: 'mid_block.resnets.1',
      resnet: resnet('mid_block.resnets.1', inner, inner),
      transformer: null,
    },
  };

  let previous = inner;
  const up = channels.map((_, step): Block => {
    const level = levels - 1 - step;
    const name = `up_blocks.${step}`;
    const width = at(channels, level);
    const layers = Array.from({ length: layersPerBlock + 1 }, (_, i) => {
      const inputs = previous + (skipChannels.pop() as number);
      previous = width;
      return layer(name, i, inputs, level, config.upAttention[step] ?? false);
    });
    const resample = step === levels - 1 ? null : conv3(p, `${name}.upsamplers.0.conv`, width, width);
    return { name, layers, resample };
  });

  const normOut = norm(p, 'conv_norm_out', outer);
  const convOut = conv3(p, 'conv_out', outer, config.outChannels);
  return { config, convIn, time1, time2, down, mid, up, normOut, convOut };
}

function transformerBlock(
  p: ParameterSource,
  name: string,
  width: number,
  context: number,
  heads: number,
): TransformerBlock {
  const attention = (path: string, kind: 'self' | 'cross', source: number): Attention => ({
    name: path,
    kind,
    heads,
    toQ: linear(p, `${path}.to_q`, width, width, false),
    toK: linear(p, `${path}.to_k`, source, width, false),
    toV: linear(p, `${path}.to_v`, source, width, false),
    toOut: linear(p, `${path}.to_out.0`, width, width, true),
  });
  return {
    norm1: norm(p, `${name}.norm1`, width),
    attn1: attention(`${name}.attn1`, 'self', width),
    norm2: norm(p, `${name}.norm2`, width),
    attn2: attention(`${name}.attn2`, 'cross', context),
    norm3: norm(p, `${name}.norm3`, width),
    feedIn: linear(p, `${name}.ff.net.0.proj`, width, 8 * width, true),
    feedOut: linear(p, `${name}.ff.net.2`, 4 * width, width, true),
  };
}

/** Every dense layer and convolution of the UNet. */
export function unetLayers(w: UnetWeights): readonly (Linear | Conv)[] {
  const attention = (a: Attention) => [a.toQ, a.toK, a.toV, a.toOut];
  const layer = ({ resnet, transformer }: Layer) => [
    resnet.conv1,
    resnet.timeProjection,
    resnet.conv2,
    ...(resnet.shortcut === null ? [] : [resnet.shortcut]),
    ...(transformer === null
      ? []
      : [
          transformer.projIn,
          ...transformer.blocks.flatMap((b) => [
            ...attention(b.attn1),
            ...attention(b.attn2),
            b.feedIn,
            b.feedOut,
          ]),
          transformer.projOut,
        ]),
  ];
  const block = ({ layers, resample }: Block) => [
    ...layers.flatMap(layer),
    ...(resample === null ? [] : [resample]),
  ];
  return [
    w.convIn,
    w.time1,
    w.time2,
    ...w.down.flatMap(block),
    ...[w.mid.first, w.mid.last].flatMap(layer),
    ...w.up.flatMap(block),
    w.convOut,
  ];
}

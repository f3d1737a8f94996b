/** Typed weights of AutoencoderKL, and the walk that asks a source for every parameter by its diffusers name. */
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
import type { VaeConfig } from './config.ts';

export type VaeResnet = {
  readonly norm1: Norm;
  readonly conv1: Conv;
  readonly norm2: Norm;
  readonly conv2: Conv;
  readonly shortcut: Linear | null;
};
export type VaeAttention = {
  readonly norm: Norm;
  readonly toQ: Linear;
  readonly toK: Linear;
  readonly toV: Linear;
  readonly toOut: Linear;
};
export type VaeMid = {
  readonly first: VaeResnet;
  readonly attention: VaeAttention;
  readonly last: VaeResnet;
};
export type VaeBlock = { readonly resnets: readonly VaeResnet[]; readonly resample: Conv | null };
type Coder = {
  readonly convIn: Conv;
  readonly mid: VaeMid;
  readonly blocks: readonly VaeBlock[];
  readonly normOut: Norm;
  readonly convOut: Conv;
};
export type VaeWeights = {
  readonly config: VaeConfig;
  readonly encoder: Coder;
  readonly quant: Linear;
  readonly decoder: Coder;
  readonly postQuant: Linear;
};

/** Builds the typed weights by asking `p` for each of the model's parameters exactly once. */
export function buildVae(config: VaeConfig, p: ParameterSource): VaeWeights {
  const { channels, latentChannels } = config;
  const inner = channels.at(-1) as number;
  const outer = channels[0] as number;

  const resnet = (name: string, inputs: number, outputs: number): VaeResnet => ({
    norm1: norm(p, `${name}.norm1`, inputs),
    conv1: conv3(p, `${name}.conv1`, inputs, outputs),
    norm2: norm(p, `${name}.norm2`, outputs),
    conv2: conv3(p, `${name}.conv2`, outputs, outputs),
    shortcut: inputs === outputs ? null : pointwise(p, `${name}.conv_shortcut`, inputs, outputs),
  });
  const mid = (name: string): VaeMid => ({
    first: resnet(`${name}.resnets.0`, inner, inner),
    attention: {
      norm: norm(p, `${name}.attentions.0.group_norm`, inner),
      toQ: linear(p, `${name}.attentions.0.to_q`, inner, inner, true),
      toK: linear(p, `${name}.attentions.0.to_k`, inner, inner, true),
      toV: linear(p, `${name}.attentions.0.to_v`, inner, inner, true),
      toOut: linear(p, `${name}.attentions.0.to_out.0`, inner, inner, true),
    },
    last: resnet(`${name}.resnets.1`, inner, inner),
  });
  const blocks = (name: string, sampler: string, widths: readonly number[], layers: number): VaeBlock[] =>
    widths.map((width, level) => {
      const inputs = level === 0 ? width : (widths[level - 1] as number);
      const path = `${name}.${level}`;
      return {
        resnets: Array.from({ length: layers }, (_, i) =>
          resnet(`${path}.resnets.${i}`, i === 0 ? inputs : width, width),
        ),
        resample: level === widths.length - 1 ? null : conv3(p, `${path}.${sampler}.0.conv`, width, width),
      };
    });

  const decoderChannels = [...channels].reverse();
  return {
    config,
    encoder: {
      convIn: conv3(p, 'encoder.conv_in', config.inChannels, outer),
      blocks: blocks('encoder.down_blocks', 'downsamplers', channels, config.layersPerBlock),
      mid: mid('encoder.mid_block'),
      normOut: norm(p, 'encoder.conv_norm_out', inner),
      convOut: conv3(p, 'encoder.conv_out', inner, 2 * latentChannels),
    },
    quant: pointwise(p, 'quant_conv', 2 * latentChannels, 2 * latentChannels),
    postQuant: pointwise(p, 'post_quant_conv', latentChannels, latentChannels),
    decoder: {
      convIn: conv3(p, 'decoder.conv_in', latentChannels, inner),
      mid: mid('decoder.mid_block'),
      blocks: blocks('decoder.up_blocks', 'upsamplers', decoderChannels, config.layersPerBlock + 1),
      normOut: norm(p, 'decoder.conv_norm_out', outer),
      convOut: conv3(p, 'decoder.conv_out', outer, config.outChannels),
    },
  };
}

/** Names that older checkpoints (SD-2.1-base's own VAE among them) use for the mid-block attention. */
export function renameOldVaeKey(name: string): string {
  return name.replace(
    /(\.mid_block\.attentions\.0)\.(query|key|value|proj_attn)\./,
    (_, path: string, old: 'query' | 'key' | 'value' | 'proj_attn') => `${path}.${OLD_ATTENTION[old]}.`,
  );
}
const OLD_ATTENTION = { query: 'to_q', key: 'to_k', value: 'to_v', proj_attn: 'to_out.0' } as const;

/**
 * The UNet as a list of stages between which only the hidden state and the skip tensors pass. Inference runs them
 * one after another; training sweeps them backwards, recomputing one at a time.
 */
import { type Tensor4D, tf } from '../../tensor/tf.ts';
import type { AttentionSite } from '../hooks.ts';
import { runGroupNorm } from '../layers.ts';
import type { Linear } from '../parameters.ts';
import { type BlockInput, convolverOf, runLayer } from './blocks.ts';
import type { Attention, Layer, Transformer, UnetWeights } from './weights.ts';

export type Stage = {
  /** Module path of what the stage runs, e.g. `down_blocks.0.resnets.1`. */
  readonly name: string;
  /** `push`: the output is also kept as a skip. `pop`: the newest skip is consumed. `peek`: only its size is used. */
  readonly skip: 'push' | 'pop' | 'peek' | 'none';
  /** Attention layers in the order they run. */
  readonly attention: readonly Attention[];
  /** Their projections, which our adapters sit on. */
  readonly targets: readonly Linear[];
  /** Every dense layer of the transformers, `targets` among them: adapters of other tools may sit on any. */
  readonly dense: readonly Linear[];
  /** h [N, H, W, C]; skip as `skip` says, else null. Returns a new tensor. */
  run(h: Tensor4D, skip: Tensor4D | null, input: BlockInput): Tensor4D;
};

/** A stage without transformers. */
const PLAIN = { attention: [], targets: [], dense: [] } as const;

/** The stages of a UNet in order. */
export function unetStages(w: UnetWeights): readonly Stage[] {
  const down = w.down.flatMap((block): Stage[] => {
    const layers = block.layers.map((layer): Stage => layerStage(layer, 'push'));
    const { resample } = block;
    if (resample === null) return layers;
    const sampler: Stage = {
      name: `${block.name}.downsamplers.0`,
      skip: 'push',
      ...PLAIN,
      run: (h, _skip, input) => convolverOf(input)(resample, h, { stride: 2, pad: 'same' }),
    };
    return [...layers, sampler];
  });
  const up = w.up.flatMap((block): Stage[] => {
    const layers = block.layers.map((layer): Stage => layerStage(layer, 'pop'));
    const { resample } = block;
    if (resample === null) return layers;
    const sampler: Stage = {
      name: `${block.name}.upsamplers.0`,
      skip: 'peek',
      ...PLAIN,
      // The next skip's size, not twice the own: they differ where a side was odd on the way down.
      run: (h, skip, input) =>
        convolverOf(input)(resample, h, {
          upsample: [skip?.shape[1] as number, skip?.shape[2] as number],
        }),
    };
    return [...layers, sampler];
  });
  return [
    {
      name: 'conv_in',
      skip: 'push',
      ...PLAIN,
      run: (h, _skip, input) => convolverOf(input)(w.convIn, h),
    },
    ...down,
    layerStage(w.mid.first, 'none'),
    layerStage(w.mid.last, 'none'),
    ...up,
    {
      name: 'conv_out',
      skip: 'none',
      ...PLAIN,
      run: (h, _skip, input) =>
        tf.tidy(() =>
          convolverOf(input)(
            w.convOut,
            runGroupNorm(w.normOut, h, { groups: input.groups, eps: input.normEps, silu: true }),
          ),
        ),
    },
  ];
}

/** All attention projections of the UNet in forward order: the adapter targets. */
export function unetTargets(w: UnetWeights): readonly Linear[] {
  return unetStages(w).flatMap((stage) => stage.targets);
}

/** An attention layer as the network meets it, and the stage that runs it. */
type StageSite = { readonly stage: string; readonly site: AttentionSite };

/** All attention sites in forward order, for latents of `size` (height and width). */
export function attentionSites(
  stages: readonly Stage[],
  size: readonly [number, number],
): readonly StageSite[] {
  const skips: (readonly [number, number])[] = [];
  let [h, w] = size;
  return stages.flatMap((stage) => {
    if (stage.skip === 'pop') skips.pop();
    if (stage.skip === 'peek') [h, w] = skips.at(-1) as readonly [number, number];
    if (stage.name.endsWith('.downsamplers.0')) [h, w] = [Math.ceil(h / 2), Math.ceil(w / 2)];
    if (stage.skip === 'push') skips.push([h, w]);
    const resolution = [h, w] as const;
    return stage.attention.map(({ name, kind, heads }) => ({
      stage: stage.name,
      site: { name, kind, heads, resolution },
    }));
  });
}

function layerStage(layer: Layer, skip: 'push' | 'pop' | 'none'): Stage {
  const attention = (layer.transformer?.blocks ?? []).flatMap((b) => [b.attn1, b.attn2]);
  return {
    name: layer.name,
    skip,
    attention,
    targets: attention.flatMap(projections),
    dense: denseLayers(layer.transformer),
    run: (h, skipped, input) => runLayer(layer, h, skipped, input),
  };
}

function denseLayers(transformer: Transformer | null): readonly Linear[] {
  if (transformer === null) return [];
  const { projIn, blocks, projOut } = transformer;
  return [
    projIn,
    ...blocks.flatMap((b) => [...projections(b.attn1), ...projections(b.attn2), b.feedIn, b.feedOut]),
    projOut,
  ];
}

function projections(a: Attention): readonly Linear[] {
  return [a.toQ, a.toK, a.toV, a.toOut];
}

// Small adapters of every kind on layers that are not square, with alpha other than the rank.

import type { PlainAdapter, PlainLayer } from '../../src/adapters/plain.ts';
import { normals } from '../../src/lib/philox.ts';
import type { Frozen } from './adapterReaders.ts';

const SHAPES: readonly (readonly [module: string, shape: readonly number[]])[] = [
  ['unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k', [5, 9]],
  ['unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0', [7, 7]],
  ['unet.down_blocks.0.resnets.0.conv1', [6, 4, 3, 3]],
  ['unet.down_blocks.0.resnets.0.conv_shortcut', [8, 5, 1, 1]],
  ['text_encoder.text_model.encoder.layers.0.self_attn.q_proj', [4, 11]],
];

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const values = (seed: number, size: number, spread: number): Float32Array =>
  normals(seed, 7, 0, size).map((x) => x * spread);

export const FROZEN: readonly Frozen[] = SHAPES.map(([module, shape], i) => ({
  module,
  shape,
  w: values(100 + i, count(shape), 0.5),
}));

export const shapes: ReadonlyMap<string, readonly number[]> = new Map(SHAPES);

export const frozen = async (module: string): Promise<Float32Array> =>
  FROZEN.find((layer) => layer.module === module)?.w as Float32Array;

export type Kind = 'lora' | 'dora' | 'doraOfInputs' | 'difference';

/** Rank 2 (3 on the first layer), s = 2.5. */
export function makeAdapter(kind: Kind, seed = 1): PlainAdapter {
  return {
    layers: FROZEN.map(({ module, shape }, i): PlainLayer => {
      const [out = 0, inputs = 0] = shape;
      if (kind === 'difference') {
        const update = { kind, values: values(seed + 10 * i, count(shape), 0.1) } as const;
        return { module, shape, update, magnitude: null };
      }
      const rank = i === 0 ? 3 : 2;
      const update = {
        kind: 'lowRank',
        rank,
        down: values(seed + 10 * i, (rank * count(shape)) / out, 0.3),
        up: values(seed + 10 * i + 1, out * rank, 0.2),
        scaling: 2.5,
      } as const;
      if (kind === 'lora') return { module, shape, update, magnitude: null };
      const axis = kind === 'dora' ? 'output' : 'input';
      const size = axis === 'output' ? out : inputs;
      const m = values(seed + 10 * i + 2, size, 0.3).map((x) => 1.5 + x);
      return { module, shape, update, magnitude: { axis, over: 'updated', values: m } };
    }),
  };
}

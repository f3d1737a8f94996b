/** Sequential draws for the shapes world: a cursor over the counter of `uniform(seed, stream, counter)`. */
import { uniform } from '../lib/philox.ts';

/** Stream numbers, so that prompts, scenes and captions of one seed are independent. */
export const STREAMS = { prompts: 0x51, scenes: 0x52, captions: 0x53, edits: 0x54 } as const;

export type Draws = {
  /** Uniform in [0, 1). */
  unit(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Uniform integer in 0..count-1. */
  below(count: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** A uniformly drawn element; the list must not be empty. */
  pick<T>(list: readonly T[]): T;
};

/** Starts at counter 0; two cursors with the same seed and stream give the same draws. */
export function makeDraws(seed: number, stream: number): Draws {
  let counter = 0;
  const unit = (): number => uniform(seed, stream, counter++);
  const below = (count: number): number => Math.floor(unit() * count);
  return {
    unit,
    between: (low, high) => low + (high - low) * unit(),
    below,
    chance: (probability) => unit() < probability,
    pick: (list) => {
      const value = list[below(list.length)];
      if (value === undefined) throw new RangeError('cannot pick from an empty list');
      return value;
    },
  };
}

/** The fine-tuning set S of Algorithm 1, with real images in the share that is asked for (the paper's Table 7). */
import { shuffle } from '../lib/philox.ts';

const MIX_STREAM = 0x6d697800;

/** Real images in a set that had `size` synthetic ones. */
export function countReal(share: number, size: number): number {
  return Math.round(share * size);
}

/**
 * Replaces a share of the selected synthetic images by the best-scored real ones. Scores of the two sources are not on
 * one scale, so each is ranked within itself: the real images by MI, which synthetic ones stay by lot, since theirs
 * compare within a prompt only. Where there are too few real images, more synthetic ones stay.
 *
 * @param ranked real images, best first
 */
export function mixRealImages<T>(
  synthetic: readonly T[],
  ranked: readonly T[],
  { share, seed }: { readonly share: number; readonly seed: number },
): readonly T[] {
  const real = ranked.slice(0, countReal(share, synthetic.length));
  if (real.length === 0) return synthetic;
  const order = shuffle(seed, MIX_STREAM, synthetic.length);
  const kept = order.slice(0, synthetic.length - real.length).sort((a, b) => a - b);
  return [...kept.map((i) => synthetic[i] as T), ...real];
}

// What a disk loses with the power, by which of the two stores is behind the other.

import type { Loss } from '../../tests/helpers/memoryDisk.ts';

export const LAGS = ['none', 'records', 'files', 'both', 'emptied'] as const;
export type Lag = (typeof LAGS)[number];

/** Acknowledged changes that a store that is behind has lost, at most. */
const MOST_LOST = 6;

export function lossOf(lag: Lag, random: () => number): Loss {
  const some = (): number => 1 + Math.floor(random() * MOST_LOST);
  return {
    random,
    records: lag === 'emptied' ? 'all' : lag === 'records' || lag === 'both' ? some() : 0,
    files: lag === 'files' || lag === 'both' ? some() : 0,
  };
}

/** How often, and after how many operations at most, the power goes in one run. */
export type CutPlan = { readonly cuts: number; readonly operations: number };

/** Of four runs one is cut anywhere, few times, and three are cut again and again before they get far. */
export function planCuts(seed: number, random: () => number, operations: number): CutPlan {
  const isFar = Math.floor(seed / LAGS.length) % 4 === 0;
  return isFar
    ? { cuts: 1 + Math.floor(random() * 4), operations }
    : { cuts: 1 + Math.floor(random() * 20), operations: Math.ceil(operations / 5) };
}

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

/** Speed of something that arrives in pieces, over the last seconds only: what it was earlier says little. */

const WINDOW_MS = 8000;
/** Below this the quotient is noise. */
const SHORTEST_MS = 800;

type Sample = { readonly atMs: number; readonly amount: number };

/** Total amounts as they were seen, oldest first; no more than the window needs. */
export type Rate = readonly Sample[];

export const NO_RATE: Rate = [];

/** Adds a total; one that is smaller than before (another attempt) starts over. */
export function addSample(rate: Rate, atMs: number, amount: number): Rate {
  const last = rate.at(-1);
  if (last !== undefined && amount < last.amount) return [{ atMs, amount }];
  // One sample from before the window stays, so that the whole of it is covered.
  const begin = Math.max(
    0,
    rate.findLastIndex((sample) => sample.atMs <= atMs - WINDOW_MS),
  );
  return [...rate.slice(begin), { atMs, amount }];
}

/** Amount per second; null while there is too little to tell. */
export function perSecond(rate: Rate): number | null {
  const first = rate[0];
  const last = rate.at(-1);
  if (first === undefined || last === undefined || last.atMs - first.atMs < SHORTEST_MS) return null;
  return ((last.amount - first.amount) / (last.atMs - first.atMs)) * 1000;
}

/** Seconds until the total is reached; null where the speed is unknown or nothing arrives. */
export function secondsLeft(rate: Rate, total: number): number | null {
  const speed = perSecond(rate);
  const done = rate.at(-1)?.amount ?? 0;
  return speed === null || speed <= 0 ? null : Math.max(0, total - done) / speed;
}

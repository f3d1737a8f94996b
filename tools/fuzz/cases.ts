/** Runs the cases of a target one after the other, each a function of seed, target and number. */

import { mutateBytes, mutateJson } from './mutate.ts';
import { Rng } from './rng.ts';
import { faultOf, type Target } from './target.ts';

export type Fault = { readonly index: number; readonly input: Uint8Array; readonly problem: string };

/** A case may take so long, and leave so much behind at its end, before anything is cleared away. */
export const LIMITS = { ms: 500, bytes: 256 * 2 ** 20 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const encodedTokens = new WeakMap<Target, readonly Uint8Array[]>();

export function caseInput(target: Target, number: number, seed: number, index: number): Uint8Array {
  const rng = new Rng(seed, number, index);
  const input = rng.pick(target.seeds);
  if (target.json === true && rng.below(2) === 0) {
    try {
      return encoder.encode(mutateJson(rng, decoder.decode(input)));
    } catch {
      // Not every seed is one JSON value.
    }
  }
  return mutateBytes(rng, input, rng.pick(target.seeds), tokensOf(target));
}

function tokensOf(target: Target): readonly Uint8Array[] {
  const known = encodedTokens.get(target) ?? target.tokens.map((token) => encoder.encode(token));
  encodedTokens.set(target, known);
  return known;
}

/**
 * @param now milliseconds, and `used` bytes of memory, of whatever measures them; null where nothing is measured
 * @param tell `case`: the number of each case before it runs; `fault`: each fault once it is found
 */
export async function runCases(
  target: Target,
  number: number,
  { seed, from, count }: { readonly seed: number; readonly from: number; readonly count: number },
  measure: { readonly now: () => number; readonly used: () => number } | null,
  tell: { readonly fault: (fault: Fault) => void; readonly case?: (index: number) => void },
): Promise<void> {
  for (let index = from; index < from + count; index++) {
    tell.case?.(index);
    const input = caseInput(target, number, seed, index);
    const before = measure === null ? 0 : measure.now();
    const usedBefore = measure === null ? 0 : measure.used();
    const problem = await faultOf(target, input);
    if (problem !== null) tell.fault({ index, input, problem });
    if (measure === null) continue;
    const ms = measure.now() - before;
    const bytes = measure.used() - usedBefore;
    if (bytes > LIMITS.bytes) tell.fault({ index, input, problem: `takes ${bytes} bytes` });
    if (ms > LIMITS.ms && (await isSlow(target, input, measure.now)))
      tell.fault({ index, input, problem: `takes ${Math.round(ms)} ms` });
  }
}

/** Slow every time: other programs and the collector of garbage take their time too. */
async function isSlow(target: Target, input: Uint8Array, now: () => number): Promise<boolean> {
  for (let tries = 0; tries < 3; tries++) {
    const start = now();
    await faultOf(target, input);
    if (now() - start <= LIMITS.ms) return false;
  }
  return true;
}

/** When MI ranks: tau and what a choice by MI is worth, by how the base model fails. Every base draws the same seeds. */
import { tauOfAll, truthOfRandom, truthOfTop } from '../../../src/analysis/ranking.ts';
import { type Summary, summarize, summarizeDifference } from '../../../src/analysis/summary.ts';
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { mean } from '../../../src/lib/stats.ts';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import type { MeasuredCandidate } from '../measures.ts';
import { MISTAKE_KINDS, type MistakeKind, mistakeOf } from './mistakes.ts';
import type { Pool } from './pools.ts';
import { type RankRow, rankingOf, rankRow, share } from './rank.ts';
import { referenceScore } from './scores.ts';

export type BaseRow = Pick<RankRow, 'tau' | 'share' | 'strict' | 'prompts' | 'candidates'> & {
  readonly name: string;
  /** Share of pictures by their first mistake; what is left shows everything. */
  readonly mistakes: Readonly<Record<MistakeKind, number>>;
  /** Tau among pictures that show every object. */
  readonly tauOfComplete: Summary;
  /** Tau, and the worth of a choice, minus those of the first base on the same prompts. */
  readonly tauChange: Summary;
  readonly gainChange: Summary;
};

export type BasePools = { readonly name: string; readonly pools: readonly Pool[] };

/** Ascending in the share of pictures that forget an object; the first one is what the others are compared with. */
export function baseRows(bases: readonly BasePools[], schedule: NoiseSchedule): readonly BaseRow[] {
  const definition = referenceScore(schedule);
  const known = bases
    .filter(({ pools }) => pools.length > 0)
    .map(({ name, pools }) => ({ name, pools, mistakes: mistakeShares(pools) }))
    .toSorted((a, b) => a.mistakes.forgotten - b.mistakes.forgotten);
  const valuesOf = (pools: readonly Pool[]): ReadonlyMap<string, { tau: number; gain: number }> =>
    new Map(
      pools.map((pool) => {
        const ranking = rankingOf(pool, definition.score, share);
        return [pool.text, { tau: tauOfAll(ranking), gain: truthOfTop(ranking) - truthOfRandom(ranking) }];
      }),
    );
  const reference = valuesOf(known[0]?.pools ?? []);
  return known.map(({ name, pools, mistakes }) => {
    const own = valuesOf(pools);
    const change = (of: 'tau' | 'gain'): Summary =>
      summarizeDifference(
        pools.map(({ text }) => own.get(text)?.[of] ?? Number.NaN),
        pools.map(({ text }) => reference.get(text)?.[of] ?? Number.NaN),
      );
    const complete = pools.map((pool) => ({ ...pool, candidates: pool.candidates.filter(completeIn(pool)) }));
    return {
      ...rankRow(name, pools, definition),
      name,
      mistakes,
      tauOfComplete: summarize(complete.map((pool) => tauOfAll(rankingOf(pool, definition.score, share)))),
      tauChange: change('tau'),
      gainChange: change('gain'),
    };
  });
}

export type ForgettingRow = {
  /** Share of the prompt's candidates that forget an object: above, and up to. */
  readonly above: number;
  readonly upTo: number;
  readonly prompts: number;
  readonly tau: Summary;
  readonly gain: Summary;
};

const PARTS = 4;

/** The same by prompt, whatever the base: prompts by the share of their own candidates that forget an object. */
export function forgettingRows(
  bases: readonly BasePools[],
  schedule: NoiseSchedule,
): readonly ForgettingRow[] {
  const { score } = referenceScore(schedule);
  const prompts = bases.flatMap(({ pools }) =>
    pools.map((pool) => ({
      forgotten: mean(pool.candidates.map((candidate) => (completeIn(pool)(candidate) ? 0 : 1))),
      ranking: rankingOf(pool, score, share),
    })),
  );
  return Array.from({ length: PARTS }, (_, part): ForgettingRow => {
    const [above, upTo] = [part / PARTS, (part + 1) / PARTS];
    const inside = prompts.filter(({ forgotten }) => (part === 0 || forgotten > above) && forgotten <= upTo);
    const rankings = inside.map(({ ranking }) => ranking);
    return {
      above,
      upTo,
      prompts: inside.length,
      tau: summarize(rankings.map(tauOfAll)),
      gain: summarizeDifference(rankings.map(truthOfTop), rankings.map(truthOfRandom)),
    };
  });
}

/** Whether a candidate of the pool shows every object that the prompt names. */
function completeIn({ text }: Pool): (candidate: MeasuredCandidate) => boolean {
  const prompt = parsePrompt(text);
  return (candidate) => prompt !== null && mistakeOf(prompt, candidate) !== 'forgotten';
}

function mistakeShares(pools: readonly Pool[]): Readonly<Record<MistakeKind, number>> {
  const kinds = pools.flatMap(({ text, candidates }) => {
    const prompt = parsePrompt(text);
    return prompt === null ? [] : candidates.map((candidate) => mistakeOf(prompt, candidate));
  });
  const shareOf = (kind: MistakeKind): number => kinds.filter((one) => one === kind).length / kinds.length;
  return Object.fromEntries(MISTAKE_KINDS.map((kind) => [kind, shareOf(kind)])) as Record<
    MistakeKind,
    number
  >;
}

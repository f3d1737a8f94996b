/**
 * Which candidates enter the fine-tuning set (MI-TUNE, algorithm 1: the k best of M per prompt), and the two
 * controls a study needs: k at random and the k worst.
 */
import { shuffle } from '../lib/philox.ts';

export type ScoredCandidate = {
  /** Position in the prompt list. Repeated prompts have different positions and are selected apart. */
  readonly promptIndex: number;
  /** Position among the candidates of the prompt, 0 to M - 1. */
  readonly candidate: number;
  readonly score: number;
};

export type SelectionRule =
  | { readonly order: 'top' }
  | { readonly order: 'bottom' }
  | { readonly order: 'random'; readonly seed: number };

export type SelectionOptions = {
  /** k: how many to keep per prompt. */
  readonly keep: number;
  /** M: only the first this many candidates of each prompt compete (default: all there are). */
  readonly candidates?: number;
  readonly rule?: SelectionRule;
};

type Selection<C extends ScoredCandidate> = {
  /** By prompt, best (first chosen) first. */
  readonly selected: readonly C[];
  /** Candidates within M whose score is not a finite number; never selected, whatever the rule. */
  readonly invalid: readonly C[];
  /** Prompts that had fewer than `keep` valid candidates; they keep what there is. */
  readonly shortPrompts: readonly number[];
};

/**
 * Selects per prompt. The result does not depend on the order of the pool: equal scores go to the lower
 * candidate index, and the random rule draws from candidates in index order.
 */
export function selectCandidates<C extends ScoredCandidate>(
  pool: readonly C[],
  { keep, candidates = Number.POSITIVE_INFINITY, rule = { order: 'top' } }: SelectionOptions,
): Selection<C> {
  const competing = pool
    .filter((c) => c.candidate < candidates)
    .sort((a, b) => a.promptIndex - b.promptIndex || a.candidate - b.candidate);
  const byPrompt = new Map<number, C[]>();
  for (const c of competing) {
    const group = byPrompt.get(c.promptIndex) ?? [];
    if (Number.isFinite(c.score)) group.push(c);
    byPrompt.set(c.promptIndex, group);
  }
  return {
    selected: [...byPrompt].flatMap(([prompt, group]) => ranked(group, rule, prompt).slice(0, keep)),
    invalid: competing.filter((c) => !Number.isFinite(c.score)),
    shortPrompts: [...byPrompt].filter(([, group]) => group.length < keep).map(([prompt]) => prompt),
  };
}

/** @param group candidates in index order; sorting is stable, so ties keep it */
function ranked<C extends ScoredCandidate>(group: readonly C[], rule: SelectionRule, prompt: number): C[] {
  switch (rule.order) {
    case 'top':
      return group.toSorted((a, b) => b.score - a.score);
    case 'bottom':
      return group.toSorted((a, b) => a.score - b.score);
    case 'random':
      return shuffle(rule.seed, prompt, group.length).flatMap((i) => group[i] ?? []);
    default:
      return rule satisfies never;
  }
}

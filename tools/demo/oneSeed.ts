/** The page's demonstration with one seed: as a newcomer starts it, and again with pictures chosen by chance. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { presetSettings } from '../../src/contract/presets.ts';
import type { MiTuneSpec } from '../../src/contract/spec.ts';
import { parsePromptList } from '../../src/formats/promptList.ts';
import { shuffle } from '../../src/lib/philox.ts';
import { BUILT_IN_MODEL } from '../../src/sources/catalog.ts';
import { ROOT } from '../lib/dependencies.mjs';
import { callEngine } from '../rehearse/enginePage.ts';

const PROMPTS = join(ROOT, 'public', 'prompts');
/** Stream of the draws that choose pictures by chance. */
const CHANCE = 0x72616e64;

/** Share of claims that hold in each held-out picture, in the same order in all lists of one seed. */
export type SeedResult = {
  readonly seed: number;
  readonly before: readonly number[];
  readonly mi: readonly number[];
  readonly random: readonly number[];
  /** From the start to the verdict of the run that chooses by MI. */
  readonly seconds: number;
  /** Processes that wanted to run at its start and end, per core: above 1 the machine was shared. */
  readonly load: readonly [number, number];
};

/** File of the list that the page offers first. */
export function firstExample(): string {
  const [first] = JSON.parse(readFileSync(join(PROMPTS, 'index.json'), 'utf8')) as { file: string }[];
  if (first === undefined) throw new Error('The page offers no example.');
  return first.file;
}

/** What the page starts after a click on its first example and one on Start. */
export function demoSpec(seed: number): MiTuneSpec {
  const file = firstExample();
  const { prompts } = parsePromptList(file, readFileSync(join(PROMPTS, file), 'utf8'));
  return {
    ...presetSettings('demo'),
    version: 1,
    preset: 'demo',
    model: { kind: 'url', base: BUILT_IN_MODEL },
    prompts: prompts.map(({ text }) => text),
    seed,
    backend: 'wasm',
    realImages: null,
  };
}

/** @param loadOf processes that want to run, per core */
export async function checkSeed(page: Page, seed: number, loadOf: () => number): Promise<SeedResult> {
  const { id: runId } = await callEngine(page, 'createRun', { spec: demoSpec(seed), name: `demo ${seed}` });
  try {
    const [start, loadBefore] = [performance.now(), loadOf()];
    await callEngine(page, 'run', { runId, until: 'done' });
    const seconds = (performance.now() - start) / 1000;
    const load = [loadBefore, loadOf()] as const;
    const chosen = await sharesOf(page, runId);
    await chooseByChance(page, runId, seed);
    await callEngine(page, 'run', { runId, until: 'done' });
    const random = await sharesOf(page, runId);
    return { seed, before: chosen.before, mi: chosen.after, random: random.after, seconds, load };
  } finally {
    await callEngine(page, 'deleteRun', { runId });
  }
}

async function sharesOf(page: Page, runId: string): Promise<{ before: number[]; after: number[] }> {
  const pairs = await callEngine(page, 'evaluated', { runId, round: 0 });
  const shares = (side: 'metricsBefore' | 'metricsAfter'): number[] =>
    pairs.map((pair) => {
      const exact = pair[side].exact;
      if (exact === undefined) throw new Error(`"${pair.prompt}" is not scored exactly.`);
      return exact.value;
    });
  return { before: shares('metricsBefore'), after: shares('metricsAfter') };
}

/** Replaces the run's picks of every prompt by as many that are drawn by lot; the run trains anew on these. */
async function chooseByChance(page: Page, runId: string, seed: number): Promise<void> {
  const { selections, spec } = await callEngine(page, 'runState', { runId });
  const prompts = [...new Set((selections[0]?.picks ?? []).map(({ prompt }) => prompt))];
  const { candidates, keep } = spec.selection;
  const picks = prompts.flatMap((prompt) =>
    shuffle(seed, CHANCE + prompt, candidates)
      .slice(0, keep)
      .map((candidate) => ({ prompt, candidate })),
  );
  await callEngine(page, 'setSelection', { runId, round: 0, picks });
}

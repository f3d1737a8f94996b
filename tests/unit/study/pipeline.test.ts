// The whole study on an invented model of which the answers are known: a candidate's squared difference grows with
// its alignment, and an adapter draws images as well aligned as those it was trained on.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uniform } from '../../../src/lib/philox.ts';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import { difference } from '../../../tools/study/analysis/align.ts';
import { floatsFromBase64, floatsToBase64, toBase64 } from '../../../tools/study/base64.ts';
import { type Design, findDesign } from '../../../tools/study/design.ts';
import { allSteps, firstSteps } from '../../../tools/study/plan.ts';
import type {
  DrawRequest,
  DrawResult,
  MeasureRequest,
  MeasureResult,
  MetricRequest,
  MetricResult,
  PageRequest,
  PageResult,
  TrainRequest,
} from '../../../tools/study/protocol.ts';
import { readAlignment } from '../../../tools/study/report/readAlignment.ts';
import { composeReport } from '../../../tools/study/report/write.ts';
import { runSteps } from '../../../tools/study/runner.ts';
import { modelSchedule } from '../../../tools/study/schedule.ts';
import { openStore, type Store } from '../../../tools/study/store.ts';
import { chosenSettings } from '../../../tools/study/tune.ts';

const schedule = modelSchedule();
const quick = findDesign('quick') as Design;
const design: Design = {
  ...quick,
  rank: { prompts: 6, unseen: 4, candidates: 6 },
  renoise: { timesteps: 5, draws: 2, prompts: 6 },
  guidances: { scales: [1], prompts: 4, candidates: 3 },
  deep: { prompts: 3, candidates: 8 },
  bases: { prompts: 5, candidates: 6 },
  pool: { prompts: 5, candidates: 6, replicates: 3 },
  test: { prompts: 6, ablationPrompts: 5, trainingPrompts: 4, images: 3 },
  tune: { learningRates: [1e-4, 1e-3], iterations: [1, 2], keeps: [1], prompts: 2, images: 3 },
  selection: { prompts: 4, candidates: 6, timesteps: 3, draws: 1 },
  ablations: { ...quick.ablations, replicates: 3, promptCounts: [2], candidates: [3, 12], ladderPrompts: 5 },
};

const TIMESTEPS = [901, 501, 101];

/** A base model that forgets nothing, and whose squared differences say nothing; the other one shows a ring whatever is asked. */
const BLIND = { name: 'blind', digest: 'b1d' };

/** Alignment of an image: how the model draws it, or what its adapter learned. In steps of 0.1. */
function alignmentOf(request: DrawRequest, seed: number, store: Store): number {
  const chance = uniform(seed, 1, 0);
  if (request.adapter === null) return Math.round(10 * chance) / 10;
  const learned = Number(readFileSync(join(store.adapterFolder, request.adapter), 'utf8'));
  return Math.min(1, Math.round(10 * (0.8 * learned + 0.2 * chance)) / 10);
}

/** Everything that the prompt names, as it says. */
function asAsked(text: string): DrawResult['images'][number]['objects'] {
  return (parsePrompt(text)?.objects ?? []).map(({ shape, color, texture, size }) => ({
    shape,
    color: color ?? 'red',
    texture: texture ?? 'solid',
    size: size ?? 'big',
    x: 9,
    y: 9,
    radius: 8,
  }));
}

function draw(request: DrawRequest, store: Store): DrawResult {
  const blind = request.base === BLIND.digest;
  const images = request.seeds.map((seed) => {
    const share = alignmentOf(request, seed, store);
    return {
      seed,
      latent: floatsToBase64(Float32Array.of(share)),
      trace: TIMESTEPS.map(() => 1 + (blind ? 0 : share) + 0.05 * uniform(seed, 2, 0)),
      share,
      strict: share > 0.8,
      claims: [share > 0.2, share > 0.4, share > 0.6, share > 0.8],
      objects: blind ? asAsked(request.text) : [{ ...RING, x: 60 * share }],
      area: 100 * uniform(seed, 3, 0),
    };
  });
  return { timesteps: TIMESTEPS, images };
}

const RING = { shape: 'ring', color: 'red', texture: 'solid', size: 'big', y: 9, radius: 8 } as const;

/** The invented second score is the exact one, as the latents tell it. */
function scoreAgain({ images }: MetricRequest): MetricResult {
  return { values: images.map(({ latent }) => floatsFromBase64(latent)[0] ?? 0) };
}

function measure(request: MeasureRequest): MeasureResult {
  const { timesteps, draws } = request;
  const plan = Array.from({ length: timesteps * draws }, (_, i) => ({
    t: 100 + 150 * (i % timesteps),
    draw: Math.floor(i / timesteps),
  }));
  const images = request.images.map(({ latent }) => {
    const [share = 0] = floatsFromBase64(latent);
    return {
      difference: plan.map(() => 1 + share),
      uncond: plan.map(() => 200),
      cond: plan.map(() => 200 - 10 * share),
    };
  });
  return { plan, images };
}

/** The lower learning rate learns; the higher one forgets half. */
function train({ images, keepAt, learningRate }: TrainRequest): PageResult {
  const shares = images.map(({ latent }) => floatsFromBase64(latent)[0] ?? 0);
  const learned = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const text = new TextEncoder().encode(String(learningRate > 5e-4 ? learned / 2 : learned));
  return { losses: [1], adapters: keepAt.map((step) => ({ step, file: toBase64(text) })) };
}

let folder: string;
let store: Store;
let report: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'study-'));
  store = openStore(folder, { version: 1, model: 'invented', design: 'quick' });
  const run = async (request: PageRequest): Promise<PageResult> => {
    switch (request.kind) {
      case 'draw':
        return draw(request, store);
      case 'measure':
        return measure(request);
      case 'metric':
        return scoreAgain(request);
      case 'train':
        return train(request);
      case 'tune':
      case 'look':
        throw new Error('this study compares no methods and draws nothing elsewhere');
      default:
        return {
          images: Array.from({ length: request.count }, () => ({
            text: 'a ring',
            latent: floatsToBase64(Float32Array.of(0)),
          })),
        };
    }
  };
  const options = { workers: [{ run }, { run }], deadline: 1, now: () => 0, onDone: () => undefined };
  expect(await runSteps(firstSteps(design, schedule), store, options)).toBe(true);
  const settings = chosenSettings(store, design, schedule);
  // The invented re-noised estimates have no noise, so validation finds them best, and the first of the two.
  expect(settings).toMatchObject({ learningRate: 1e-4, keep: 1, score: 're-noised orthogonal' });
  if (settings !== null)
    expect(await runSteps(allSteps(design, schedule, settings, [BLIND]), store, options)).toBe(true);
  const study = { store, design, schedule, model: 'invented', bases: [BLIND], notes: 'Ran on paper.' };
  report = composeReport(study).text;
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

test('finds that MI ranks, everywhere, and that area does not explain it', () => {
  expect(report).toMatch(/\*\*MI ranks better than chance\*\*: tau is 0\.9/);
  expect(report).toMatch(/lies above 0: color, spatial, unseen; below 0: none; around 0: none/);
  expect(report).toMatch(/Area is no sign of alignment/);
});

test('finds the order of the arms', { timeout: 60_000 }, () => {
  const settings = chosenSettings(store, design, schedule);
  if (settings === null) throw new Error('nothing was chosen');
  const { arms, base } = readAlignment(
    { store, design, schedule, model: '', bases: [], notes: null },
    settings,
  );
  const [mi, chosen, random, bottom, exact] = arms as [
    (typeof arms)[number],
    (typeof arms)[number],
    (typeof arms)[number],
    (typeof arms)[number],
    (typeof arms)[number],
  ];
  expect(arms.map((arm) => [arm.arm, arm.replicates.length])).toEqual([
    ['mi', 3],
    ['chosen', 3],
    ['random', 3],
    ['bottom', 3],
    ['exact', 3],
  ]);
  expect(difference(mi, random, 'share').low).toBeGreaterThan(0.1);
  expect(difference(random, bottom, 'share').low).toBeGreaterThan(0.1);
  expect(difference(exact, mi, 'share').estimate).toBeGreaterThanOrEqual(0);
  expect(difference(chosen, exact, 'share').estimate).toBeCloseTo(0, 10);
  expect(base && difference(mi, base, 'share').low).toBeGreaterThan(0.1);
  expect(report).toMatch(/\*\*Choosing by MI is better than choosing at random\*\*/);
});

test('finds how far a choice gets: into the set, and by what was learned into new images', () => {
  // The invented adapters learn the mean of their set, and 0.8 of it shows in every image that they draw.
  const [inSet, own] = ['images of the set', 'new images, training prompts'].map((name) =>
    Number(new RegExp(`\\| ${name} \\|.* \\| \\+(\\d+\\.\\d)[^|]*\\| [^|]*\\|\n`).exec(report)?.[1]),
  ) as [number, number];
  expect(inSet).toBeGreaterThan(20);
  expect(Math.abs(own - 0.8 * inSet)).toBeLessThan(3);
  expect(report).toContain('So training passes on what a choice offers');
});

test('finds that a larger set passes the choice on', () => {
  expect(report).toMatch(
    /\| 2 \| 1 \| .* \| \+\d+\.\d \[\d+\.\d, \d+\.\d\] \| \+\d+\.\d \[\d+\.\d, \d+\.\d\] \|/,
  );
});

test('finds what was put into the ablations', () => {
  // The invented real images are not aligned at all, and of more candidates the best is better.
  expect(report).toMatch(/Mostly real images are worse \(Table 7\) \| – /); // share 0.9 is not in this design
  expect(report).toMatch(/\| 0\.5 \| 3 \| .* \| −\d+\.\d \[−\d+\.\d, −\d+\.\d\] \|\n/);
  expect(report).toMatch(/\| M = 12 \| 3 \| .* \| \+\d+\.\d \[\d+\.\d, \d+\.\d\] \|\n/);
  expect(report).toMatch(/More than 50 candidates do not help \(Table 6\) \| – \| not done yet/);
});

test('finds that MI ranks on the base model that forgets, and not on the other', () => {
  expect(report).toMatch(
    /\*\*MI ranks better on the model that forgets more\*\*: from 0\.0% \(blind\) to \d+\.\d% \(the model of/,
  );
  expect(report).toMatch(/\| the model of this study \| .* \| 0\.9\d\d \[0\.\d+, \d\.\d+\] \|/);
});

test('holds first, middle and last of the deep pools against both other scores', () => {
  const tau = (name: string): number =>
    Number(new RegExp(`\\| ${name} \\| 6 of 6 \\| (\\d\\.\\d+)`).exec(report)?.[1]);
  expect(tau('share of claims')).toBeGreaterThan(0.9);
  expect(tau('Shapes CLIP')).toBe(tau('share of claims'));
});

test('sets the second score beside the exact one, which here says the same', () => {
  const [, exact, second] =
    /\| all \| \S+ → \S+ \| \S+ \| [^|]+ \| ([^|]+) \| [^|]+ \| ([^|]+) \| \+/.exec(report) ?? [];
  expect(second).toMatch(/^\+\d+\.\d \[/);
  expect(second).toBe(exact);
});

test('repeats what whoever ran it has to add', () => {
  expect(report).toContain('Ran on paper.');
});

test('says nothing that is not a number', () => {
  expect(report).not.toMatch(/NaN|undefined|Infinity|Not done yet/);
});

test('says of a study that has just begun what is not done', { timeout: 60_000 }, () => {
  const empty = { ...store, find: () => undefined, has: () => false } as Store;
  const { text, plots } = composeReport({
    store: empty,
    design,
    schedule,
    model: '',
    bases: [],
    notes: null,
  });
  expect(text.match(/Not done yet/g)?.length).toBeGreaterThanOrEqual(2);
  expect(plots).toEqual([]);
});

/** The paper's own figures beside what came out here: section 3.1, and its Tables 1 and 2 in miniature. */
import { shapesClip } from '../../../src/metrics/clipMetrics.ts';
import { difference, level } from '../analysis/align.ts';
import { type DeepRow, deepRows } from '../analysis/deep.ts';
import { changeRescored, meanRescored, rescored } from '../analysis/secondScore.ts';
import type { Design, Settings } from '../design.ts';
import { interval, number, percent, points, table } from './markdown.ts';
import { type Alignment, armOf } from './readAlignment.ts';
import type { Study } from './section.ts';

/** Mean tau of section 3.1, over 700 prompts; from memory, so rounded and not checked against the text. */
const PAPER_TAU = { exact: 'about 0.4 (BLIP-VQA)', second: 'about 0.68 (HPS)' } as const;

/** Table 1 of the preprint: Stable Diffusion 2.1, and MI-TUNE with one round; UniDet for spatial, else BLIP-VQA. */
const PAPER_TABLE_1: Readonly<Record<string, readonly [base: number, tuned: number]>> = {
  color: [49.65, 61.57],
  shape: [42.71, 48.4],
  texture: [49.99, 58.27],
  spatial: [15.77, 15.93],
  nonSpatial: [66.23, 67.77],
  complex: [50.53, 53.54],
};

/** Averages of HPS v2, times 100, as the published version has them. */
const PAPER_HPS = [26.17, 27.21] as const;

/** Scores of the shapes CLIP are cosines, written times 100 as the paper writes HPS. */
const SCALE = 100;

export function deepText({ store, design, schedule }: Study): string {
  const rows = deepRows(store, design, schedule);
  const { prompts, candidates } = design.deep;
  return [
    '### The paper’s tau: ranks 1, 25 and 50 of 50',
    `Pools of ${candidates} candidates for ${prompts * design.categories.length} test prompts. The images that MI ranks first, in the middle and last are held against another score of the same three, and tau-b is averaged over prompts (the paper’s section 3.1). ${shapesClip.title} is a score that is not exact and chooses nothing, as HPS is in the paper. The paper’s figures are known from memory only.`,
    table(
      [
        'held against',
        'prompts',
        'tau of ranks 1, middle, last',
        'prompts with a tau',
        'the paper',
        'tau over all candidates',
        'highest MI',
        'random',
        'best of the pool',
        'highest MI − random',
      ],
      rows.map((row) => [
        row.against === 'exact' ? 'share of claims' : shapesClip.title,
        `${row.prompts} of ${prompts * design.categories.length}`,
        interval(row.tauOfThree),
        String(row.tauOfThree.count),
        PAPER_TAU[row.against],
        interval(row.tau),
        ...levels(row),
      ]),
    ),
  ].join('\n\n');
}

function levels({ against, top, random, best, gain }: DeepRow): string[] {
  return against === 'exact'
    ? [...[top, random, best].map(percent), `${points(gain)} points`]
    : [...[top, random, best].map((value) => number(SCALE * value, 1)), points(gain)];
}

export function paperTablesText(
  { base, arms }: Alignment,
  { store, design }: Study,
  settings: Settings,
): string {
  const mi = armOf(arms, 'mi');
  const read = (arm: 'base' | 'mi' | 'random') => rescored(store, design, settings, arm);
  const [before, after, control] = [read('base'), read('mi'), read('random')];
  const cosine = (value: number): string => number(SCALE * value, 1);
  const rows =
    base === null || mi === undefined
      ? []
      : [...design.categories, undefined].map((category) => {
          const [untuned, tuned] = paperOf(design, category);
          return [
            category ?? 'all',
            `${number(untuned, 2)} → ${number(tuned, 2)}`,
            number(tuned - untuned, 1),
            `${percent(level(base, 'share', category).estimate)} → ${percent(level(mi, 'share', category).estimate)}`,
            points(difference(mi, base, 'share', category)),
            `${cosine(meanRescored(before, category))} → ${cosine(meanRescored(after, category))}`,
            points(changeRescored(after, before, category)),
            points(changeRescored(after, control, category)),
          ];
        });
  return [
    '### The paper’s Tables 1 and 2 in miniature',
    `One adapter for all categories, one round, against one per category in the paper; the paper’s figures are BLIP-VQA (spatial: UniDet) of Stable Diffusion 2.1, times 100, those of the preprint’s first row of MI-TUNE. ${shapesClip.title} (cosine, times 100) chose no image. In the paper’s Table 2 the average of HPS, which chose no image either, goes from ${PAPER_HPS[0]} to ${PAPER_HPS[1]}.`,
    table(
      [
        'category',
        'paper: base → MI-TUNE',
        'change',
        'here, claims: base → MI',
        'change, points',
        `${shapesClip.title}: base → MI`,
        'change',
        'MI − random',
      ],
      rows,
    ),
  ].join('\n\n');
}

/** Of one category, or the mean over them. */
function paperOf({ categories }: Design, category: string | undefined): readonly [number, number] {
  const known = (category === undefined ? categories : [category]).flatMap((name) => {
    const row = PAPER_TABLE_1[name];
    return row === undefined ? [] : [row];
  });
  const meanOf = (i: 0 | 1): number => known.reduce((sum, row) => sum + row[i], 0) / known.length;
  return [meanOf(0), meanOf(1)];
}

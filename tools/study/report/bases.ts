/** When MI ranks, by how the base model fails: a table, the same by prompt, and a plot. */
import {
  type BasePools,
  type BaseRow,
  baseRows,
  type ForgettingRow,
  forgettingRows,
} from '../analysis/bases.ts';
import { type Finding, findingOf } from '../analysis/bootstrap.ts';
import { readPools } from '../analysis/pools.ts';
import { basePrompts } from '../ranking.ts';
import { interval, percent, points, table } from './markdown.ts';
import type { Section, Study } from './section.ts';
import { linePlot } from './svg.ts';

/** What the study's own model is called in the table. */
const OWN = 'the model of this study';

export function baseSection({ store, design, schedule, bases }: Study): Section {
  const head = '### When does MI rank? Other base models';
  const wanted = [{ name: OWN, digest: undefined }, ...bases];
  const pools = inCommon(
    wanted.map(({ name, digest }) => ({
      name,
      pools: readPools(store, design, basePrompts(design, digest)),
    })),
  );
  const rows = baseRows(pools, schedule);
  if (rows.length < 2) return { text: `${head}\n\n*Not done yet.*`, plots: [] };
  const [prompts, done] = [basePrompts(design).length, rows[0]?.prompts ?? 0];
  const byPrompt = forgettingRows(pools, schedule);
  const text = [
    head,
    `Base models draw the same ${done === prompts ? prompts : `${done} (of ${prompts}, so far)`} test prompts with the same seeds, ${design.bases.candidates} candidates each, at the same guidance and steps. A picture’s mistake is the first that applies: an object that is not there, swapped attributes, other attributes, a relation.`,
    lawText(rows),
    baseTable(rows),
    '![Kendall’s tau and the worth of a choice by how often a base model forgets an object](shapes-study/tau-by-base.svg)',
    `The same by prompt, pools of all these models together, by how many of a prompt’s candidates forget an object.${bestText(byPrompt)}`,
    forgettingTable(byPrompt),
  ];
  return { text: text.join('\n\n'), plots: [{ name: 'tau-by-base.svg', svg: basePlot(rows) }] };
}

/** The prompts that every base which has begun has drawn. */
function inCommon(bases: readonly BasePools[]): readonly BasePools[] {
  const begun = bases.filter(({ pools }) => pools.length > 0);
  const texts = begun.map(({ pools }) => new Set(pools.map(({ text }) => text)));
  return begun.map(({ name, pools }) => ({
    name,
    pools: pools.filter(({ text }) => texts.every((known) => known.has(text))),
  }));
}

const GROWS: Readonly<Record<Finding, string>> = {
  positive: 'MI ranks better on the model that forgets more',
  negative: 'MI ranks worse on the model that forgets more',
  open: 'Whether MI ranks better on a model that forgets more, these numbers cannot show',
  none: 'There are too few prompts to compare base models',
};

/** From the model that forgets least to the one that forgets most. */
function lawText(rows: readonly BaseRow[]): string {
  const [first, last] = [rows[0] as BaseRow, rows.at(-1) as BaseRow];
  const from = `${percent(first.mistakes.forgotten)} (${first.name})`;
  const to = `${percent(last.mistakes.forgotten)} (${last.name})`;
  return `**${GROWS[findingOf(last.tauChange)]}**: from ${from} to ${to} of pictures without one of their objects tau changes by ${interval(last.tauChange)}, and what a choice by MI is worth by ${points(last.gainChange)} points.`;
}

function baseTable(rows: readonly BaseRow[]): string {
  return table(
    [
      'base model',
      'an object forgotten',
      'swapped',
      'other attributes',
      'relation',
      'no mistake',
      'tau',
      'tau among pictures with all objects',
      'claims: random',
      'top-1 − random, points',
      'strict: top-1 − random, points',
    ],
    rows.map(({ name, mistakes, tau, tauOfComplete, share, strict }) => {
      const relation = mistakes.contact + mistakes.position;
      const right = 1 - Object.values(mistakes).reduce((sum, value) => sum + value, 0);
      return [
        name,
        percent(mistakes.forgotten),
        percent(mistakes.swapped),
        percent(mistakes.attribute),
        percent(relation),
        percent(right),
        interval(tau),
        interval(tauOfComplete),
        percent(share.random),
        points(share.gain),
        points(strict.gain),
      ];
    }),
  );
}

/** Where a pool has both kinds of candidates, and where it has hardly any of one. */
function bestText(rows: readonly ForgettingRow[]): string {
  const known = rows.filter(({ tau }) => findingOf(tau) !== 'none');
  const best = known.toSorted((a, b) => b.tau.estimate - a.tau.estimate)[0];
  return best === undefined || known.length < 2 ? '' : ` Tau is highest where ${partName(best)} do.`;
}

function partName({ above, upTo }: ForgettingRow): string {
  return `${above === 0 ? 'up to' : `above ${100 * above}%, up to`} ${100 * upTo}%`;
}

function forgettingTable(rows: readonly ForgettingRow[]): string {
  return table(
    ['candidates that forget an object', 'pools', 'tau', 'pools with a tau', 'top-1 − random, points'],
    rows.map((row) => [
      partName(row),
      String(row.prompts),
      interval(row.tau),
      String(row.tau.count),
      points(row.gain),
    ]),
  );
}

function basePlot(rows: readonly BaseRow[]): string {
  const line = (name: string, of: (row: BaseRow) => BaseRow['tau']) => ({
    name,
    points: rows.map((row) => {
      const { estimate, low, high } = of(row);
      return { x: 100 * row.mistakes.forgotten, y: estimate, low, high };
    }),
  });
  return linePlot(
    'Base models: when MI ranks',
    { x: 'pictures that forget an object, %', y: 'tau; share of claims' },
    [
      line('Kendall’s tau of MI', (row) => row.tau),
      line('top-1 by MI minus random, share of claims', (row) => row.share.gain),
    ],
  );
}

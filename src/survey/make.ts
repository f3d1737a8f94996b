/** The questions of a new pack: from the scores of one pool, from several runs, or from folders of images. */
import type { PoolScore } from '../analysis/agreement.ts';
import { topOf } from '../analysis/ranking.ts';
import type { Campaign, Question } from './manifest.ts';

/** Questions, and by path in the pack where its image comes from. */
export type PackDraft<Place> = {
  readonly campaign: Campaign;
  readonly columns: readonly string[];
  readonly questions: readonly Question[];
  readonly sources: ReadonlyMap<string, Place>;
  /** Prompts left out, since a column has no image of them. */
  readonly incomplete: number;
};

/** Paths tell nothing: a pack may be looked into. */
class Images<Place> {
  readonly sources = new Map<string, Place>();
  readonly #paths = new Map<string, string>();

  path(key: string, place: Place): string {
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    const path = `images/${String(this.#paths.size + 1).padStart(6, '0')}.png`;
    this.#paths.set(key, path);
    this.sources.set(path, place);
    return path;
  }
}

type Candidate = { readonly prompt: number; readonly candidate: number };

/** Per prompt the image that each score puts first; scores that agree show the same image. A repeated prompt counts once. */
export function bestByScores(prompts: readonly string[], scores: readonly PoolScore[]): PackDraft<Candidate> {
  const images = new Images<Candidate>();
  const bests = scores.map(bestOfPrompts);
  const questions: Question[] = [];
  const texts = new Set<string>();
  for (const [prompt, text] of prompts.entries()) {
    const best = bests.map((of) => of.get(prompt));
    if (texts.has(text) || best.some((candidate) => candidate === undefined)) continue;
    texts.add(text);
    const paths = best.map((candidate = -1) => images.path(`${prompt}/${candidate}`, { prompt, candidate }));
    questions.push({
      category: null,
      prompt: text,
      images: Object.fromEntries(scores.map(({ name }, i) => [name, paths[i] ?? ''])),
    });
  }
  return {
    campaign: 'metrics',
    columns: scores.map(({ name }) => name),
    questions,
    sources: images.sources,
    incomplete: new Set(prompts).size - questions.length,
  };
}

function bestOfPrompts({ values }: PoolScore): ReadonlyMap<number, number> {
  const byPrompt = new Map<number, { candidate: number; value: number }[]>();
  for (const { prompt, candidate, value } of values) {
    if (!Number.isFinite(value)) continue;
    const row = byPrompt.get(prompt) ?? [];
    row.push({ candidate, value });
    byPrompt.set(prompt, row);
  }
  return new Map(
    [...byPrompt].map(([prompt, row]) => {
      const ordered = row.toSorted((a, b) => a.candidate - b.candidate);
      return [prompt, ordered[topOf(ordered.map(({ value }) => value))]?.candidate ?? 0];
    }),
  );
}

type Drawn<Place> = { readonly text: string; readonly place: Place };

/** One image of each method for every prompt that all of them have; the first where there are several. */
export function oneOfEach<Place>(
  campaign: Campaign,
  methods: readonly {
    readonly name: string;
    readonly category: string | null;
    readonly images: readonly Drawn<Place>[];
  }[],
): PackDraft<Place> {
  const columns = [...new Set(methods.map(({ name }) => name))];
  const categories = [...new Set(methods.map(({ category }) => category))];
  const images = new Images<Place>();
  const questions: Question[] = [];
  let prompts = 0;
  for (const category of categories) {
    const byColumn = columns.map((column) => {
      const own = methods.filter((method) => method.name === column && method.category === category);
      // Of equal keys a map keeps the last.
      return new Map(
        own.flatMap((method) => method.images.map((image) => [image.text, image] as const)).reverse(),
      );
    });
    const texts = new Set(byColumn.flatMap((of) => [...of.keys()]));
    prompts += texts.size;
    for (const text of [...texts].sort()) {
      const drawn = byColumn.map((of) => of.get(text));
      if (drawn.some((image) => image === undefined)) continue;
      const paths = drawn.map((image, i) =>
        images.path(`${category} ${columns[i]} ${text}`, (image as Drawn<Place>).place),
      );
      questions.push({
        category,
        prompt: text,
        images: Object.fromEntries(columns.map((column, i) => [column, paths[i] ?? ''])),
      });
    }
  }
  return { campaign, columns, questions, sources: images.sources, incomplete: prompts - questions.length };
}

const PAPER_ORDER = ['mi', 'blip', 'hps'];

/**
 * Folders as the official notebooks have them: `<score>/<prompt>_<number>.png` for metrics,
 * `<category>/<method>/<prompt>_<number>.png` for methods, below any folder. Other files are left alone.
 *
 * @param places paths with `/` between folders, in any order
 */
export function fromFolders(campaign: Campaign, places: readonly string[]): PackDraft<string> {
  const methods = new Map<string, { name: string; category: string | null; images: Drawn<string>[] }>();
  for (const place of places.toSorted()) {
    const parts = place.split('/');
    const name = parts.at(-2);
    const category = campaign === 'metrics' ? null : parts.at(-3);
    const text = /^(.+)_\d+\.png$/i.exec(parts.at(-1) ?? '')?.[1]?.trim();
    if (name === undefined || category === undefined || text === undefined) continue;
    const key = JSON.stringify([category, name]);
    const method = methods.get(key) ?? { name, category, images: [] };
    method.images.push({ text, place });
    methods.set(key, method);
  }
  const draft = oneOfEach(campaign, [...methods.values()]);
  const rank = (column: string) =>
    PAPER_ORDER.includes(column) ? PAPER_ORDER.indexOf(column) : PAPER_ORDER.length;
  const columns = draft.columns.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return { ...draft, columns };
}

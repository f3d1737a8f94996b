import { describe, expect, it } from 'vitest';
import { bestByScores, fromFolders, oneOfEach } from '../../../src/survey/make.ts';
import { FORMAT, parseManifest } from '../../../src/survey/manifest.ts';

function score(name: string, rows: readonly (readonly number[])[]) {
  return {
    name,
    values: rows.flatMap((row, prompt) => row.map((value, candidate) => ({ prompt, candidate, value }))),
  };
}

/** Where the image of a column comes from. */
function placesOf<Place>(draft: {
  questions: readonly { images: Readonly<Record<string, string>> }[];
  sources: ReadonlyMap<string, Place>;
}): Record<string, Place | undefined>[] {
  return draft.questions.map(({ images }) =>
    Object.fromEntries(Object.entries(images).map(([column, path]) => [column, draft.sources.get(path)])),
  );
}

describe('questions from scores', () => {
  const mi = score('mi', [
    [1, 5, 5],
    [2, 1, 0],
    [1, 2, 3],
  ]);
  const hps = score('hps', [
    [1, 2, 9],
    [2, Number.NaN, 0],
    [3, 2, 1],
  ]);

  it('show the best of each score, once where they agree', () => {
    const draft = bestByScores(['a cat', 'a dog', 'a cat'], [mi, hps]);
    expect(placesOf(draft)).toEqual([
      { mi: { prompt: 0, candidate: 1 }, hps: { prompt: 0, candidate: 2 } },
      { mi: { prompt: 1, candidate: 0 }, hps: { prompt: 1, candidate: 0 } },
    ]);
    expect(draft.questions[1]?.images.mi).toBe(draft.questions[1]?.images.hps);
    expect(draft.sources.size).toBe(3);
    expect(draft.incomplete).toBe(0);
  });

  it('leave out prompts that a score does not know', () => {
    const draft = bestByScores(['a cat', 'a dog'], [mi, score('hps', [[1, 2]])]);
    expect(draft.questions.map(({ prompt }) => prompt)).toEqual(['a cat']);
    expect(draft.incomplete).toBe(1);
  });

  it('make a valid manifest', () => {
    const { campaign, columns, questions } = bestByScores(['a cat'], [mi, hps]);
    const manifest = {
      format: FORMAT,
      title: 'T',
      rounds: 10,
      answersTo: null,
      campaign,
      columns,
      questions,
    };
    expect(parseManifest('x', JSON.stringify(manifest))).toEqual(manifest);
  });
});

describe('questions from methods', () => {
  it('need an image of each, and take the first of several', () => {
    const draft = oneOfEach('methods', [
      {
        name: 'base',
        category: 'color',
        images: [
          { text: 'a', place: 1 },
          { text: 'a', place: 2 },
          { text: 'b', place: 3 },
        ],
      },
      { name: 'MI', category: 'color', images: [{ text: 'a', place: 4 }] },
    ]);
    expect(draft.questions.map(({ category, prompt }) => [category, prompt])).toEqual([['color', 'a']]);
    expect(placesOf(draft)).toEqual([{ base: 1, MI: 4 }]);
    expect(draft.incomplete).toBe(1);
  });
});

describe('folders of the official notebooks', () => {
  it('of metrics: prompts from file names, columns in the paper’s order', () => {
    const draft = fromFolders('metrics', [
      'samples/hps/a brown giraffe and a red suitcase_49.png',
      'samples/mi/a brown giraffe and a red suitcase_0.png',
      'samples/blip/a brown giraffe and a red suitcase_17.png',
      'samples/blip/a light white bathroom_5.png',
      'samples/readme.md',
    ]);
    expect(draft.columns).toEqual(['mi', 'blip', 'hps']);
    expect(draft.questions.map(({ prompt }) => prompt)).toEqual(['a brown giraffe and a red suitcase']);
    expect(placesOf(draft)[0]?.hps).toBe('samples/hps/a brown giraffe and a red suitcase_49.png');
    expect(draft.incomplete).toBe(1);
  });

  it('of methods: categories from the folder above', () => {
    const draft = fromFolders('methods', [
      'x/color/AandE/a red book_000004.png',
      'x/color/MI/a red book_000004.png',
      'x/shape/MI/a round box_000001.png',
      'x/shape/AandE/a round box_000001.png',
    ]);
    expect(draft.columns).toEqual(['AandE', 'MI']);
    expect(draft.questions.map(({ category, prompt }) => [category, prompt])).toEqual([
      ['color', 'a red book'],
      ['shape', 'a round box'],
    ]);
  });
});

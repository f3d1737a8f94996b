/** Which prompts one survey shows, in which order, and which image stands where: all of it by chance. */
import { shuffle } from '../lib/philox.ts';
import type { SurveyManifest } from './manifest.ts';

export type Round = {
  /** Index into the questions of the manifest. */
  readonly question: number;
  /** The column shown in each place, as an index into the columns of the manifest. */
  readonly order: readonly number[];
};

const STREAM = { questions: 0, rounds: 1, orders: 1000 } as const;

/**
 * The rounds of one survey: as many prompts as there are rounds, of a methods campaign in each category, in random
 * order; every column stands in every place equally often over surveys. No prompt comes twice.
 *
 * Differs from the official notebooks: there a prompt of the methods campaign can come twice in one survey, since each
 * round of a category is drawn from all of its prompts.
 *
 * @param seed of this survey, never stored with its answers
 */
export function drawRounds(manifest: SurveyManifest, seed: number): readonly Round[] {
  const { columns, questions, rounds } = manifest;
  const categories = [...new Set(questions.map(({ category }) => category))];
  const chosen = categories.flatMap((category, i) => {
    const own = questions.flatMap((question, index) => (question.category === category ? [index] : []));
    return shuffle(seed, STREAM.questions + 2 * i, own.length)
      .slice(0, rounds)
      .map((place) => own[place] as number);
  });
  return shuffle(seed, STREAM.rounds, chosen.length).map((place, i) => ({
    question: chosen[place] as number,
    order: shuffle(seed, STREAM.orders + i, columns.length),
  }));
}

/** How many rounds a survey of this pack has. */
export function countRounds(manifest: SurveyManifest): number {
  return drawRounds(manifest, 0).length;
}

/** Whether rounds that were kept belong to this pack. */
export function fitsManifest({ columns, questions }: SurveyManifest, rounds: readonly Round[]): boolean {
  return (
    rounds.length > 0 &&
    rounds.every(
      ({ question, order }) =>
        questions[question] !== undefined &&
        order.length === columns.length &&
        columns.every((_, column) => order.includes(column)),
    )
  );
}

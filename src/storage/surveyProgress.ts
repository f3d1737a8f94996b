/**
 * A survey under way in this browser: what it shows, drawn once, and what was selected so far. Two records, so that a
 * selection does not write the images again. Nothing in them says who answers.
 */
import * as v from 'valibot';
import { idOf, SURVEYS, surveyKey, surveyParts } from './keys.ts';
import { deleteValues, readValue, valuesWithPrefix, writeValues } from './kv.ts';

const indexSchema = v.pipe(v.number(), v.integer(), v.minValue(0));

const shownSchema = v.object({
  version: v.literal(1),
  /** The address in the link that opened it; empty for a file. */
  link: v.string(),
  /** JSON text. */
  manifest: v.string(),
  rounds: v.array(v.object({ question: indexSchema, order: v.array(indexSchema) })),
  /** PNG files by path. */
  images: v.map(v.string(), v.instance(Uint8Array<ArrayBuffer>)),
});
type SurveyShown = Readonly<v.InferOutput<typeof shownSchema>>;

const chosenSchema = v.object({
  /** The round on show. */
  at: indexSchema,
  /** Selected places by round. */
  selections: v.array(v.array(indexSchema)),
  /** Name of the answer file once the last round is done, else null. */
  fileName: v.nullable(v.string()),
});
export type SurveyChosen = Readonly<v.InferOutput<typeof chosenSchema>>;

export async function saveShown(id: string, shown: SurveyShown, chosen: SurveyChosen): Promise<void> {
  await writeValues([
    [surveyKey(id, 'shown'), shown],
    [surveyKey(id, 'chosen'), chosen],
  ]);
}

export async function saveChosen(id: string, chosen: SurveyChosen): Promise<void> {
  await writeValues([[surveyKey(id, 'chosen'), chosen]]);
}

/** Null if there is none, or none that this version can read. */
export async function loadSurvey(
  id: string,
): Promise<{ readonly shown: SurveyShown; readonly chosen: SurveyChosen } | null> {
  const shown = v.safeParse(shownSchema, await readValue(surveyKey(id, 'shown')));
  const chosen = v.safeParse(chosenSchema, await readValue(surveyKey(id, 'chosen')));
  return shown.success && chosen.success ? { shown: shown.output, chosen: chosen.output } : null;
}

type SurveyUnderWay = {
  readonly id: string;
  /** As its manifest has it; null for one that this version cannot read. */
  readonly manifest: string | null;
  readonly sizeBytes: number;
  /** Rounds that were gone through, of all. */
  readonly done: number;
  readonly rounds: number;
};

/** Every survey that was begun here and is still kept. */
export async function listSurveys(): Promise<readonly SurveyUnderWay[]> {
  const values = await valuesWithPrefix(SURVEYS);
  const ids = new Set([...values.keys()].map((key) => idOf(key).replace(/:(shown|chosen)$/, '')));
  return [...ids].map((id): SurveyUnderWay => {
    const shown = v.safeParse(shownSchema, values.get(surveyKey(id, 'shown')));
    const chosen = v.safeParse(chosenSchema, values.get(surveyKey(id, 'chosen')));
    if (!shown.success) return { id, manifest: null, sizeBytes: 0, done: 0, rounds: 0 };
    const { images, manifest, rounds } = shown.output;
    const sizeBytes = [...images.values()].reduce((sum, image) => sum + image.byteLength, manifest.length);
    const isDone = chosen.success && chosen.output.fileName !== null;
    const at = chosen.success ? chosen.output.at : 0;
    return { id, manifest, sizeBytes, done: isDone ? rounds.length : at, rounds: rounds.length };
  });
}

export async function forgetSurvey(id: string): Promise<void> {
  await deleteValues([], [surveyParts(id)]);
}

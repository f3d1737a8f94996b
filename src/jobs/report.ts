/** report.json and scores.csv: what was asked, what ran it, and everything that was measured. */

import type { MetricRecord } from '../contract/events.ts';
import type { BackendReport, ModelReport, RunState } from '../contract/runTypes.ts';
import { rankingOf } from '../contract/spec.ts';
import { writeCsv } from '../formats/csv.ts';
import { planPrompts } from '../planning/promptPlan.ts';
import { countReal } from '../procedures/trainingSet.ts';
import { tf } from '../tensor/tf.ts';
import { countEvaluations } from './countEvaluations.ts';
import type { RankedImage } from './realImagesStage.ts';

/** What computed the run. */
type Machine = {
  readonly app: string;
  readonly userAgent: string;
  readonly backend: BackendReport;
  readonly model: ModelReport | null;
  /** SHA-256 of the model's files as the run was begun with them. */
  readonly weights: Readonly<Record<string, string>>;
};

/** The content of report.json. */
export function buildReport(
  state: RunState,
  seconds: Readonly<Record<string, number>>,
  machine: Machine,
  realImages: readonly RankedImage[],
) {
  const { spec } = state;
  const isSelected = selectionOf(state);
  const heldOut = new Set(state.heldOut);
  const tuned = (state.selections.at(-1)?.picks ?? []).filter((p) => !heldOut.has(p.prompt)).length;
  const realWanted = countReal(spec.realImages?.share ?? 0, tuned);
  return {
    format: 'mi-tune-report-1',
    versions: { app: machine.app, tfjs: tf.version_core, browser: machine.userAgent },
    backend: machine.backend,
    model: machine.model,
    modelHashes: machine.weights,
    config: spec,
    prompts: planPrompts(spec).map(({ prompt, text, occurrence }) => ({
      prompt,
      text,
      occurrence,
      heldOut: heldOut.has(prompt),
    })),
    candidates: state.candidates.map((c) => ({
      round: c.round,
      promptIndex: c.prompt,
      prompt: spec.prompts[c.prompt],
      candidate: c.candidate,
      seed: c.seed,
      score: c.score,
      standardError: c.standardError,
      selected: isSelected(c),
      heldOut: heldOut.has(c.prompt),
      metrics: c.metrics,
      trace: c.trace,
    })),
    // Candidates that early stopping gave up, with the part of their score that was known by then.
    stoppedEarly: state.stopped.map((c) => ({
      round: c.round,
      promptIndex: c.prompt,
      prompt: spec.prompts[c.prompt],
      candidate: c.candidate,
      scoreSoFar: c.score,
    })),
    // What was chosen under which ranking; the run's own, unless the user ranked anew.
    selections: state.selections.map(({ version, round, picks, ranking }) => ({
      version,
      round,
      ranking: ranking ?? rankingOf(spec),
      picks,
    })),
    // Of every round; the files of other versions are there as long as the run is.
    resultVersions: state.versions,
    realImages: realImages.map(({ fileName, text, score, standardError }, rank) => ({
      fileName,
      text,
      score,
      standardError,
      selected: rank < realWanted,
    })),
    training: { steps: state.train, validation: state.validation },
    evaluation: state.evaluations,
    networkEvaluations: countEvaluations(state),
    seconds,
    warnings: state.warnings,
  };
}

/** One line per candidate. */
export function buildScores(state: RunState): string {
  const isSelected = selectionOf(state);
  const heldOut = new Set(state.heldOut);
  const metrics = metricColumns(state.candidates.map((c) => c.metrics));
  const columns = [
    'round',
    'prompt_index',
    'prompt',
    'candidate',
    'seed',
    'score',
    'standard_error',
    'selected',
    'held_out',
    ...metrics.map(({ column }) => column),
  ];
  return writeCsv(
    columns,
    state.candidates.map((c) => [
      c.round,
      c.prompt,
      state.spec.prompts[c.prompt] ?? '',
      c.candidate,
      c.seed,
      c.score,
      c.standardError ?? '',
      isSelected(c),
      heldOut.has(c.prompt),
      ...metrics.map(({ read }) => read(c.metrics) ?? ''),
    ]),
  );
}

/** Whether a candidate is among the selected ones of its round. */
function selectionOf(state: RunState): (c: { round: number; prompt: number; candidate: number }) => boolean {
  const key = (round: number, prompt: number, candidate: number): string => `${round}/${prompt}/${candidate}`;
  const selected = new Set(
    state.selections.flatMap((s) => s.picks.map((p) => key(s.round, p.prompt, p.candidate))),
  );
  return (c) => selected.has(key(c.round, c.prompt, c.candidate));
}

/** A column for every metric that some image has, and one for each of its parts: `exact`, `exact_strict`. */
function metricColumns(
  records: readonly MetricRecord[],
): { readonly column: string; readonly read: (record: MetricRecord) => number | undefined }[] {
  const parts = new Map<string, Set<string>>();
  for (const [name, measured] of records.flatMap((record) => Object.entries(record))) {
    const known = parts.get(name) ?? new Set();
    for (const key of Object.keys(measured.parts ?? {})) known.add(key);
    parts.set(name, known);
  }
  return [...parts].flatMap(([name, keys]) => [
    { column: name, read: (record) => record[name]?.value },
    ...[...keys].map((key) => ({
      column: `${name}_${key}`,
      read: (record: MetricRecord) => record[name]?.parts?.[key],
    })),
  ]);
}

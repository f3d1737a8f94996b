/** Every score that part 1 compares: a number per candidate from what is stored, without a network evaluation. */
import { WEIGHTS } from '../../../src/contract/spec.ts';
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { type RenoiseMeasurement, scoreRenoised } from '../../../src/mi/renoisedScore.ts';
import { NO_TRUNCATION, scoreCoefficients, scoreTrace } from '../../../src/mi/score.ts';
import { type Design, REFERENCE_SCORE } from '../design.ts';
import type { MeasuredCandidate } from '../measures.ts';

export type ScoreDefinition = {
  readonly group: string;
  readonly label: string;
  /** Network evaluations per candidate beyond drawing it. */
  readonly evaluations: number;
  /** Whether it needs pools that were noised again. */
  readonly renoised: boolean;
  /** Whether it looks at what the exact scorer found, so it explains but cannot be used. */
  readonly peeks: boolean;
  readonly score: (candidate: MeasuredCandidate) => number;
};

const TRUNCATIONS = [NO_TRUNCATION, 100, 200, 400] as const;
/** Parts of the path, [above, up to]. */
const RANGES = [
  [0, 200],
  [200, 400],
  [400, 600],
  [600, 800],
  [800, 1000],
] as const;

export function referenceScore(schedule: NoiseSchedule): ScoreDefinition {
  return path(
    'guided path',
    `${REFERENCE_SCORE.weights}, t > ${REFERENCE_SCORE.truncation} (reference)`,
    (c) => scoreTrace(schedule, traceOf(c), REFERENCE_SCORE),
  );
}

/** The reference first, then one change at a time. */
export function comparedScores(schedule: NoiseSchedule, design: Design): readonly ScoreDefinition[] {
  return [
    referenceScore(schedule),
    ...pathScores(schedule),
    ...normalizedScores(schedule),
    ...renoisedScores(schedule, design),
  ];
}

function pathScores(schedule: NoiseSchedule): ScoreDefinition[] {
  const { weights, truncation } = REFERENCE_SCORE;
  return [
    ...WEIGHTS.filter((name) => name !== weights).map((name) =>
      path('weights', name === 'none' ? 'none (squared difference)' : name, (c) =>
        scoreTrace(schedule, traceOf(c), { weights: name, truncation }),
      ),
    ),
    ...TRUNCATIONS.map((above) =>
      path('truncation', above === NO_TRUNCATION ? 'all t' : `t > ${above}`, (c) =>
        scoreTrace(schedule, traceOf(c), { weights, truncation: above }),
      ),
    ),
    ...RANGES.map(([above, upTo]) =>
      path('part of the path', `${above} < t <= ${upTo}`, (c) => {
        const kept = traceOf(c).filter(({ t }) => t > above && t <= upTo);
        return kept.length === 0
          ? Number.NaN
          : scoreTrace(schedule, kept, { weights, truncation: NO_TRUNCATION });
      }),
    ),
  ];
}

/** Scores that take out what large objects add; the area is the exact scorer's finding. */
function normalizedScores(schedule: NoiseSchedule): ScoreDefinition[] {
  const reference = referenceScore(schedule);
  const peeking = (label: string, score: ScoreDefinition['score']): ScoreDefinition => ({
    ...path('normalized', label, score),
    peeks: true,
  });
  return [
    peeking('reference / area', (c) => reference.score(c) / Math.max(1, c.area)),
    peeking('reference / sqrt(area)', (c) => reference.score(c) / Math.sqrt(Math.max(1, c.area))),
    peeking('area alone', (c) => c.area),
  ];
}

function renoisedScores(schedule: NoiseSchedule, { renoise }: Design): ScoreDefinition[] {
  const { timesteps, draws } = renoise;
  const cost = (count: number): number => 2 * timesteps * count;
  const both = (count: number): ScoreDefinition[] => {
    const words = count === 1 ? '1 draw' : `${count} draws`;
    const first = (c: MeasuredCandidate) => (c.renoised ?? []).filter((m) => m.draw < count);
    return [
      again(`orthogonal, ${words}`, cost(count), (c) =>
        c.renoised === null
          ? Number.NaN
          : scoreRenoised(schedule, first(c), REFERENCE_SCORE).orthogonal.value,
      ),
      again(`standard, ${words}`, cost(count), (c) =>
        c.renoised === null ? Number.NaN : scoreRenoised(schedule, first(c), REFERENCE_SCORE).standard.value,
      ),
    ];
  };
  const relative = (label: string, read: (m: RenoiseMeasurement) => number): ScoreDefinition =>
    again(label, cost(draws), (c) => weightedMean(schedule, c.renoised, read));
  const perRange = RANGES.flatMap(([above, upTo]) => {
    const inside = (c: MeasuredCandidate) => (c.renoised ?? []).filter(({ t }) => t > above && t <= upTo);
    const all = { weights: REFERENCE_SCORE.weights, truncation: NO_TRUNCATION } as const;
    const share = (timesteps * (upTo - above)) / schedule.T;
    return (['orthogonal', 'standard'] as const).map((estimator) =>
      again(`${estimator}, ${above} < t <= ${upTo}`, Math.round(2 * share * draws), (c) => {
        const kept = inside(c);
        return kept.length === 0 ? Number.NaN : scoreRenoised(schedule, kept, all)[estimator].value;
      }),
    );
  });
  return [
    ...[...new Set([1, draws])].flatMap(both),
    relative('orthogonal / unconditional error', (m) => m.squaredDifference / m.uncondError),
    relative('standard / unconditional error', (m) => (m.uncondError - m.condError) / m.uncondError),
    ...perRange,
  ];
}

/** Weighted mean over the draws of a ratio, with the reference's weights. */
function weightedMean(
  schedule: NoiseSchedule,
  measured: readonly RenoiseMeasurement[] | null,
  read: (m: RenoiseMeasurement) => number,
): number {
  if (measured === null) return Number.NaN;
  const coefficients = scoreCoefficients(
    schedule,
    measured.map((m) => m.t),
    REFERENCE_SCORE,
  );
  return measured.reduce((sum, m, i) => sum + (coefficients[i] ?? 0) * read(m), 0);
}

function path(group: string, label: string, score: ScoreDefinition['score']): ScoreDefinition {
  return { group, label, evaluations: 0, renoised: false, peeks: false, score };
}

function again(label: string, evaluations: number, score: ScoreDefinition['score']): ScoreDefinition {
  return { group: 'noised again', label, evaluations, renoised: true, peeks: false, score };
}

export function traceOf(
  candidate: Pick<MeasuredCandidate, 'timesteps' | 'trace'>,
): { t: number; squaredDifference: number }[] {
  return candidate.timesteps.map((t, i) => ({ t, squaredDifference: candidate.trace[i] ?? Number.NaN }));
}

/** Every score that is known of the open run's pool, as plain numbers: for comparing them, and for surveys. */
import { create } from 'zustand';
import type { PoolScore } from '../../analysis/agreement.ts';
import type { CandidateRecord } from '../../contract/events.ts';
import type { EstimatorName, ScoreSpec, WeightsName } from '../../contract/spec.ts';
import { metricOf } from '../../metrics/registry.ts';
import { useEngine } from '../page/engine.ts';
import { engineClient } from '../page/engineClient.ts';
import { EMPTY_POOL, useGallery } from './gallery.ts';
import { useRuns } from './runs.ts';
import type { Pool } from './selection.ts';

export type NamedScore = PoolScore & {
  /** For people; `name` is for files. */
  readonly label: string;
  /** What it is, in a sentence. */
  readonly help: string;
};

type PoolScoresState = {
  readonly key: string;
  readonly scores: readonly NamedScore[];
};

export const usePoolScores = create<PoolScoresState>()(() => ({ key: '', scores: [] }));

const WEIGHTS = ['eq2', 'code', 'posterior', 'dlogsnr', 'none'] as const satisfies readonly WeightsName[];

/** The scores that come with the pool: the run's own, and every metric that its images were measured by. */
export function ownScores(pool: Pool, score: ScoreSpec): readonly NamedScore[] {
  const records = [...pool.values()].flat();
  const named = (
    names: Omit<NamedScore, 'values'>,
    value: (record: CandidateRecord) => number | null,
  ): readonly NamedScore[] => {
    const values = records.flatMap((record) => {
      const number = value(record);
      const { prompt, candidate } = record;
      return number === null ? [] : [{ prompt, candidate, value: number }];
    });
    return values.length === 0 ? [] : [{ ...names, values }];
  };
  return [
    ...named(
      {
        name: score.estimator === 'standard' ? 'standard' : 'mi',
        label: score.estimator === 'standard' ? 'Standard estimate' : 'MI',
        help: `as this run ranks: ${score.path} path, weights ${score.weights}, t > ${score.truncation}`,
      },
      (record) => record.score,
    ),
    ...[...new Set(records.flatMap(({ metrics }) => Object.keys(metrics)))].flatMap((name) => {
      const metric = metricOf(name);
      const names = {
        name,
        label: metric?.title ?? name,
        help: metric?.summary ?? 'A metric that this version does not know.',
      };
      return named(names, (record) => record.metrics[name]?.value ?? null);
    }),
  ];
}

/** Reads the scores of the round on show; those of other weights need the engine and its model. */
export async function loadPoolScores(withEngine: boolean): Promise<void> {
  const { open } = useRuns.getState();
  const { round, rounds } = useGallery.getState();
  if (open === null) return usePoolScores.setState({ key: '', scores: [] });
  const pool = rounds.get(round) ?? EMPTY_POOL;
  const { score, selection } = open.spec;
  const images = [...pool.values()].reduce((sum, records) => sum + records.length, 0);
  const key = JSON.stringify([open.summary.id, round, images, withEngine]);
  if (usePoolScores.getState().key === key) return;
  const own = ownScores(pool, score);
  usePoolScores.setState({ key, scores: own });
  if (!withEngine || images === 0) return;
  const others: NamedScore[] = [];
  for (const variant of variantsOf(score)) {
    // No numbers for a variant in this pool, or no loaded model: neither is a failure of the page.
    const answer = await engineClient()
      .call('rank', {
        runId: open.summary.id,
        round,
        score: variant.score,
        candidates: selection.candidates,
        keep: 1,
      })
      .catch(() => null);
    const values = (answer?.scores ?? []).map(({ score: value, ...at }) => ({ ...at, value }));
    if (values.length > 0) others.push({ ...variant.named, values });
  }
  if (usePoolScores.getState().key === key) usePoolScores.setState({ scores: [...own, ...others] });
}

/** Reads all scores again after some were added to the pool. */
export async function reloadPoolScores(): Promise<void> {
  usePoolScores.setState({ key: '' });
  await loadPoolScores(useEngine.getState().status === 'ready');
}

type Variant = {
  readonly named: Omit<NamedScore, 'values'>;
  readonly score: Pick<ScoreSpec, 'weights' | 'truncation' | 'estimator'>;
};

function variantsOf({ estimator, path, weights, truncation }: ScoreSpec): readonly Variant[] {
  const other: EstimatorName = estimator === 'standard' ? 'orthogonal' : 'standard';
  const estimators: Variant[] =
    path === 'renoise'
      ? [
          {
            named: {
              name: other === 'standard' ? 'standard' : 'mi',
              label: other === 'standard' ? 'Standard estimate' : 'MI, squared difference',
              help: 'from the same evaluations of the re-noised image',
            },
            score: { estimator: other, weights, truncation },
          },
        ]
      : [];
  return [
    ...estimators,
    ...WEIGHTS.filter((name) => name !== weights).map((name) => ({
      named: {
        name: `mi-${name}`,
        label: `MI, weights ${name}`,
        help: 'the same pool under other weights over time',
      },
      score: { estimator, weights: name, truncation },
    })),
  ];
}

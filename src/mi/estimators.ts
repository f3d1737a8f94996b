/**
 * What each score is, what it costs and when not to trust it: one table that code, page and documentation
 * share. Plain data, in words a user can read.
 */
import { type EstimatorName, type PathName, WEIGHTS, type WeightsName } from '../contract/spec.ts';

type EstimatorEntry = {
  readonly estimator: EstimatorName;
  readonly path: PathName;
  readonly label: string;
  /** What the score means. */
  readonly meaning: string;
  /** When not to trust it. */
  readonly caution: string;
  /** Network evaluations beyond sampling, per noise draw and timestep. */
  readonly evaluationsPerDraw: number;
  /** The same in words. */
  readonly cost: string;
  /** Whether a single score has a standard error, and over what. */
  readonly standardError: 'none (one path)' | 'over draws';
  /** Weights that can be chosen afterwards without evaluations. */
  readonly weights: readonly WeightsName[];
  /** Everything else that can be changed afterwards without evaluations. */
  readonly adjustable: readonly ('truncation' | 'keep' | 'candidates')[];
  readonly mayBeNegative: boolean;
  /** Whether the number estimates mutual information in nats, or only ranks candidates of one prompt. */
  readonly unit: 'nats' | 'rank within a prompt';
};

/** What a trace leaves open: its terms are kept unweighted. */
const CHANGEABLE = { weights: WEIGHTS, adjustable: ['truncation', 'keep', 'candidates'] } as const;
/** Read off the predictions that sampling makes anyway. */
const FROM_SAMPLING = { evaluationsPerDraw: 0, cost: 'none', standardError: 'none (one path)' } as const;

export const ESTIMATORS = [
  {
    estimator: 'orthogonal',
    path: 'guided',
    label: 'Squared difference, guided path',
    meaning:
      'How much the prompt changed what the model predicted while this image was made. Higher means the prompt had more say.',
    caution:
      'Compare only images of the same prompt: guidance leads the path away from what the model expects, so the number is a ranking, not an amount of information. Larger objects tend to score higher.',
    ...FROM_SAMPLING,
    ...CHANGEABLE,
    mayBeNegative: false,
    unit: 'rank within a prompt',
  },
  {
    estimator: 'orthogonal',
    path: 'conditional',
    label: 'Squared difference, conditional path',
    meaning:
      'The same measure along a path without guidance, as the paper defines it; averaged over images it estimates mutual information in nats.',
    caution:
      'Images made without guidance look worse. One path is one noisy sample, and an image that contradicts its prompt can still score high.',
    ...FROM_SAMPLING,
    ...CHANGEABLE,
    mayBeNegative: false,
    unit: 'nats',
  },
  {
    estimator: 'orthogonal',
    path: 'renoise',
    label: 'Squared difference, noised again',
    meaning:
      'Noise is added to the finished image and the prompt is judged by how much it changes the prediction. Works for real images too.',
    caution:
      'Cannot tell a fitting prompt from a contradicting one, as both change the prediction. Not on one scale with scores taken while sampling.',
    evaluationsPerDraw: 2,
    cost: '2 per noise draw and timestep',
    standardError: 'over draws',
    ...CHANGEABLE,
    mayBeNegative: false,
    unit: 'nats',
  },
  {
    estimator: 'standard',
    path: 'renoise',
    label: 'Error difference, noised again',
    meaning:
      'How much better the model finds the added noise when it knows the prompt. Negative where the prompt misleads it. On the prompts of the first example it chose better images than scores taken while sampling.',
    caution:
      'Much noisier than the squared difference: read it together with its standard error, and add noise draws until the error is small.',
    evaluationsPerDraw: 0,
    cost: '2 per noise draw and timestep; the squared difference, noised again, comes with them',
    standardError: 'over draws',
    ...CHANGEABLE,
    mayBeNegative: true,
    unit: 'nats',
  },
] as const satisfies readonly EstimatorEntry[];

/** The entry for an estimator on a path, or undefined where the pair does not exist. */
export function findEstimator(estimator: EstimatorName, path: PathName): EstimatorEntry | undefined {
  return ESTIMATORS.find((entry) => entry.estimator === estimator && entry.path === path);
}

/** The held-out pictures by which the open run was judged, as the engine keeps them. */
import { create } from 'zustand';
import type { EvaluationRecord } from '../../contract/events.ts';
import type { ComparePair } from '../../contract/protocol.ts';
import { reportError } from '../../lib/errors.ts';
import { METRICS } from '../../metrics/registry.ts';
import { engineClient } from '../page/engineClient.ts';
import { raiseAlert } from '../page/notices.ts';
import { decoderReady } from './images.ts';

type EvaluatedState = {
  /** Which evaluation the pictures are of; null before any was asked for. */
  readonly key: string | null;
  /** Null until they are there. */
  readonly pairs: readonly ComparePair[] | null;
  /** Position of the pair that is shown large. */
  readonly chosen: number;
};

export const useEvaluated = create<EvaluatedState>()(() => ({ key: null, pairs: null, chosen: 0 }));

type Evaluation = Pick<EvaluationRecord, 'version' | 'round' | 'adapterStep'>;

/** Names an evaluation across runs. */
export function evaluationKey(runId: string, { version, round, adapterStep }: Evaluation): string {
  return `${runId}/${round}/${version}/${adapterStep}`;
}

/** Fetches the pictures of an evaluation once the run's model, which decodes them, is loaded. */
export async function loadEvaluated(runId: string, record: Evaluation): Promise<void> {
  const key = evaluationKey(runId, record);
  if (useEvaluated.getState().key === key) return;
  useEvaluated.setState({ key, pairs: null, chosen: 0 });
  try {
    await decoderReady();
    const { round, version } = record;
    const pairs = await engineClient().call('evaluated', { runId, round, version });
    if (useEvaluated.getState().key === key) useEvaluated.setState({ pairs });
  } catch (error) {
    // To be asked for again when the page is opened the next time.
    if (useEvaluated.getState().key === key) useEvaluated.setState({ key: null });
    raiseAlert(reportError(error), 'warning');
  }
}

export function chooseEvaluated(chosen: number): void {
  useEvaluated.setState({ chosen });
}

type Outcome = 'win' | 'tie' | 'loss';

/**
 * Whether the picture after training does better by the first metric that measured both, as well, or worse; null where
 * none did.
 */
export function outcomeOf({ metricsBefore, metricsAfter }: ComparePair): Outcome | null {
  const metric = METRICS.find(({ name }) => name in metricsBefore && name in metricsAfter);
  if (metric === undefined) return null;
  const [before, after] = [metricsBefore[metric.name]?.value, metricsAfter[metric.name]?.value];
  if (before === undefined || after === undefined) return null;
  if (after === before) return 'tie';
  return after > before ? 'win' : 'loss';
}

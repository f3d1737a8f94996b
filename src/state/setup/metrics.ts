/** Metrics that the next run measures its images with, and which of their networks are stored here. */
import { useMemo } from 'react';
import type { EditedPhrases } from '../../contract/spec.ts';
import { METRIC_MODELS, metricModelId } from '../../sources/metricModels.ts';
import { refreshStored, useStored } from '../model/stored.ts';
import type { ModelFiles } from '../page/engine.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt, confirmDone } from '../page/notices.ts';
import { patchDraft, useSettings } from './settings.ts';

export function toggleMetric(name: string, on: boolean): void {
  const { metrics } = useSettings.getState();
  const others = metrics.filter((choice) => choice.name !== name);
  patchDraft({ metrics: on ? [...others, { name, model: null }] : others });
}

/** Changes what a chosen metric asks about. */
export function setPhrases(name: string, phrases: EditedPhrases): void {
  const { metrics } = useSettings.getState();
  patchDraft({
    metrics: metrics.map((choice) => {
      if (choice.name !== name) return choice;
      const { phrases: _, ...bare } = choice;
      return Object.keys(phrases).length === 0 ? bare : { ...bare, phrases };
    }),
  });
}

/** Stores the network of a metric from files. */
export async function importMetric(id: string, files: ModelFiles): Promise<void> {
  const stored = await attempt(() => engineClient().call('importMetric', { id, files: [...files] }));
  if (stored !== null) confirmDone(`${stored.name} is stored in this browser.`);
  await refreshStored();
}

/** Identifiers of the models of metrics that are here as a whole. */
export function useStoredMetrics(): ReadonlySet<string> {
  const models = useStored((state) => state.list?.models);
  return useMemo(() => {
    const whole = new Set(models?.filter((item) => item.complete).map((item) => item.id));
    return new Set(METRIC_MODELS.map(({ id }) => id).filter((id) => whole.has(metricModelId(id))));
  }, [models]);
}

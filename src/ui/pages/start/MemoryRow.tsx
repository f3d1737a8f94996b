import { useEffect } from 'react';
import { measureMemory, useMemoryNeeds } from '../../../state/model/loadPlans.ts';
import { useUnaskedHost } from '../../../state/model/modelChoice.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { useSettings } from '../../../state/setup/settings.ts';
import { formatBytes } from '../../format.ts';
import { ForecastRow } from './ForecastRow.tsx';

const SETTLE_MS = 600;

/** The most memory that drawing and training take, by the load plan, once the settings have come to rest. */
export function MemoryRow() {
  const { settings, model: chosen, metrics, method, drawnBy } = useSettings();
  const unasked = useUnaskedHost();
  const ref = useEngine(({ status, model }) => {
    if (status === 'waiting') return unasked === null ? chosen : null;
    return status === 'ready' ? (model?.ref ?? null) : null;
  });
  const idle = useRuns((state) => state.activity === 'idle');
  const needs = useMemoryNeeds();
  useEffect(() => {
    if (ref === null || !idle) return;
    const asked = { metrics, method, drawnBy };
    const timer = setTimeout(() => void measureMemory(ref, settings, asked), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [ref, settings, metrics, method, drawnBy, idle]);
  if (needs.generate === null || needs.train === null) return null;
  const { generate, train } = needs;
  const peakBytes = Math.max(generate.peakBytes, train.peakBytes);
  const measure = generate.phases.find(({ phase }) => phase === 'measure');
  const drawBytes = Math.max(
    ...generate.phases.filter(({ phase }) => phase !== 'measure').map(({ peakBytes: bytes }) => bytes),
  );
  const measuring = measure === undefined ? '' : `, ${formatBytes(measure.peakBytes)} with metrics`;
  const tight = [generate, train].find((plan) => !plan.fits);
  return (
    <ForecastRow
      label="Memory"
      value={Number.isFinite(peakBytes) ? formatBytes(peakBytes) : 'too much'}
      how={
        tight === undefined
          ? `${formatBytes(drawBytes)} to draw${measuring}, ${formatBytes(train.peakBytes)} to train`
          : `More than the budget of ${formatBytes(tight.budgetBytes)}: see the memory plan on the model page`
      }
    />
  );
}

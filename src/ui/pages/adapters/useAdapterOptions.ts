import { useEffect } from 'react';
import { describeAdapter, refreshAdapters, useAdapters } from '../../../state/adapters/adapters.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { useTraining } from '../../../state/run/training.ts';
import type { ChoiceOption } from '../../primitives/Choice.tsx';

/** Every adapter there is to choose: the open run's, best and last, and imported ones. */
export function useAdapterOptions(): readonly ChoiceOption<string>[] {
  const run = useRuns((state) => state.open);
  const trained = useTraining((state) => state.checkpoint !== null || state.train.length > 0);
  const imported = useAdapters((state) => state.imported);
  const reports = useAdapters((state) => state.reports);
  const ready = useEngine((state) => state.status === 'ready');
  useEffect(() => {
    if (ready && imported === null) void refreshAdapters();
  }, [ready, imported]);
  const own =
    run !== null && trained
      ? [
          { value: `run:${run.summary.id}:${run.version}`, label: `Of this run (${run.summary.name})` },
          {
            value: `run:${run.summary.id}:${run.version}:last`,
            label: `Of this run, the last step (${run.summary.name})`,
          },
        ]
      : [];
  const files = (imported ?? []).map(({ id, name }) => {
    const report = reports.get(id);
    const help = report === undefined ? {} : { help: `${describeAdapter(report)}, ${report.targets} layers` };
    return { value: id, label: name, ...help };
  });
  return [...own, ...files];
}

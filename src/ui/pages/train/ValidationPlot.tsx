import { useCallback, useMemo } from 'react';
import type uPlot from 'uplot';
import { useTraining } from '../../../state/run/training.ts';
import { overSteps, STEP_SERIES } from '../../charts/axes.ts';
import { Plot, type PlotSetup } from '../../charts/Plot.tsx';
import type { Palette } from '../../charts/palette.ts';
import { formatNumber } from '../../format.ts';
import { globalStep } from './series.ts';

/** MI of held-out images and prompts, noised again with the same noise at every validation. */
export function ValidationPlot({ iterations }: { readonly iterations: number }) {
  const validation = useTraining((state) => state.validation);
  const data = useMemo<uPlot.AlignedData>(
    () => [validation.map((record) => globalStep(record, iterations)), validation.map((record) => record.mi)],
    [validation, iterations],
  );
  const setup = useCallback(options, []);
  return (
    <Plot
      label={`MI on held-out prompts by step; the last is ${formatNumber(validation.at(-1)?.mi ?? null)}`}
      height={200}
      setup={setup}
      data={data}
    />
  );
}

function options(palette: Palette): PlotSetup {
  return {
    ...overSteps(palette),
    series: [
      STEP_SERIES,
      {
        label: 'MI',
        stroke: palette['mark-line'],
        width: 1.5,
        points: { show: true, size: 5, fill: palette['mark-line'] },
        value: (_plot: uPlot, raw: number | null) => (raw === null ? '' : formatNumber(raw)),
      },
    ],
  };
}

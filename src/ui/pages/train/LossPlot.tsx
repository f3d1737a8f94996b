import { useCallback, useMemo } from 'react';
import type uPlot from 'uplot';
import type { ValidationRecord } from '../../../contract/events.ts';
import { useTraining } from '../../../state/run/training.ts';
import { overSteps, STEP_SERIES } from '../../charts/axes.ts';
import { Plot, type PlotSetup } from '../../charts/Plot.tsx';
import type { Palette } from '../../charts/palette.ts';
import { formatNumber } from '../../format.ts';
import { globalStep, onAxis, smooth } from './series.ts';

const SMOOTH_SHARE = 0.08;

/** Error per step, its running mean, and the held-out error; the best checkpoints are ringed. */
export function LossPlot({ iterations }: { readonly iterations: number }) {
  const train = useTraining((state) => state.train);
  const validation = useTraining((state) => state.validation);
  const data = useMemo<uPlot.AlignedData>(() => {
    const steps = new Set([...train, ...validation].map((record) => globalStep(record, iterations)));
    const x = [...steps].sort((a, b) => a - b);
    const losses = train.map((record) => record.loss);
    const means = smooth(losses, Math.max(3, Math.round(losses.length * SMOOTH_SHARE)));
    const at = (record: { round: number; step: number }) => globalStep(record, iterations);
    return [
      x,
      onAxis(x, train, at, (record) => record.loss),
      onAxis(x, train, at, (_, i) => means[i] ?? 0),
      onAxis(x, validation, at, (record) => record.loss),
    ];
  }, [train, validation, iterations]);
  const setup = useCallback(
    (palette: Palette) => options(palette, validation, iterations),
    [validation, iterations],
  );
  const last = train.at(-1);
  return (
    <Plot
      label={`Error of the noise prediction by step; the last is ${formatNumber(last?.loss ?? null)} at step ${last?.step ?? 0}`}
      height={260}
      setup={setup}
      data={data}
    />
  );
}

function options(palette: Palette, validation: readonly ValidationRecord[], iterations: number): PlotSetup {
  const value = (_plot: uPlot, raw: number | null) => (raw === null ? '' : formatNumber(raw));
  return {
    ...overSteps(palette),
    series: [
      STEP_SERIES,
      { label: 'training', stroke: palette['ink-3'], width: 1, alpha: 0.45, points: { show: false }, value },
      { label: 'running mean', stroke: palette.signal, width: 2, points: { show: false }, value },
      {
        label: 'held out',
        stroke: palette['mark-line'],
        width: 1.5,
        spanGaps: true,
        points: { show: true, size: 5, fill: palette['mark-line'] },
        value,
      },
    ],
    hooks: { draw: [(plot: uPlot) => ringBest(plot, validation, iterations, palette)] },
  };
}

/** A ring around every validation that was the best so far. */
function ringBest(
  plot: uPlot,
  validation: readonly ValidationRecord[],
  iterations: number,
  palette: Palette,
): void {
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = palette['mark-line'];
  ctx.lineWidth = devicePixelRatio;
  for (const record of validation) {
    if (!record.best) continue;
    const x = plot.valToPos(globalStep(record, iterations), 'x', true);
    ctx.beginPath();
    ctx.arc(x, plot.valToPos(record.loss, 'y', true), 7 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.stroke();
  }
  ctx.restore();
}

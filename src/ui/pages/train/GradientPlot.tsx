import { useCallback, useMemo } from 'react';
import type uPlot from 'uplot';
import { useTraining } from '../../../state/run/training.ts';
import { overSteps, powerAxis, STEP_SERIES } from '../../charts/axes.ts';
import { Plot, type PlotSetup } from '../../charts/Plot.tsx';
import type { Palette } from '../../charts/palette.ts';
import { formatNumber } from '../../format.ts';
import { globalStep } from './series.ts';

type GradientPlotProps = { readonly iterations: number; readonly clip: number | null };

/** Global gradient norm before clipping, on a logarithmic scale; the line marks where it is clipped. */
export function GradientPlot({ iterations, clip }: GradientPlotProps) {
  const train = useTraining((state) => state.train);
  const data = useMemo<uPlot.AlignedData>(
    () => [
      train.map((record) => globalStep(record, iterations)),
      train.map((record) => record.gradNorm || null),
    ],
    [train, iterations],
  );
  const setup = useCallback((palette: Palette) => options(palette, clip), [clip]);
  return (
    <Plot
      label={`Gradient norm by step; the last is ${formatNumber(train.at(-1)?.gradNorm ?? null, 3)}`}
      height={200}
      setup={setup}
      data={data}
    />
  );
}

function options(palette: Palette, clip: number | null): PlotSetup {
  return {
    ...overSteps(palette, powerAxis(palette)),
    scales: { x: { time: false }, y: { distr: 3 } },
    series: [
      STEP_SERIES,
      {
        label: 'gradient norm',
        stroke: palette.ink,
        width: 1.25,
        points: { show: false },
        value: (_plot: uPlot, raw: number | null) => (raw === null ? '' : formatNumber(raw, 3)),
      },
    ],
    hooks: { draw: clip === null ? [] : [(plot: uPlot) => drawLevel(plot, clip, palette)] },
  };
}

function drawLevel(plot: uPlot, level: number, palette: Palette): void {
  const y = plot.valToPos(level, 'y', true);
  const { ctx, bbox } = plot;
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  ctx.strokeStyle = palette.bad;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

import { useCallback, useMemo } from 'react';
import type uPlot from 'uplot';
import type { CandidateRecord } from '../../contract/events.ts';
import { axis, tickNumbers } from '../charts/axes.ts';
import { Plot } from '../charts/Plot.tsx';
import type { Palette } from '../charts/palette.ts';

type TraceChartProps = {
  readonly records: readonly CandidateRecord[];
  readonly picks: ReadonlySet<number>;
  readonly focus: number | null;
  readonly truncation: number;
  readonly height?: number;
};

/** The squared difference at every step, one line per candidate of a prompt; noise on the left, image on the right. */
export function TraceChart({ records, picks, focus, truncation, height = 200 }: TraceChartProps) {
  // The lines that matter are drawn last, on top of the others.
  const ordered = useMemo(() => {
    const weight = (r: CandidateRecord) => (r.candidate === focus ? 2 : picks.has(r.candidate) ? 1 : 0);
    return records.toSorted((a, b) => weight(a) - weight(b));
  }, [records, picks, focus]);
  const kinds = ordered
    .map((r) => (r.candidate === focus ? 'f' : picks.has(r.candidate) ? 'p' : '-'))
    .join('');
  const data = useMemo(() => align(ordered), [ordered]);
  const setup = useCallback((palette: Palette) => options(palette, kinds, truncation), [kinds, truncation]);
  return (
    <Plot
      label={`Squared difference by timestep for ${records.length} candidates of this prompt`}
      height={height}
      setup={setup}
      data={data}
    />
  );
}

function align(records: readonly CandidateRecord[]): uPlot.AlignedData {
  const t = [...new Set(records.flatMap((r) => r.trace.t))].sort((a, b) => a - b);
  const columns = records.map(({ trace }) => {
    const values = new Map(trace.t.map((at, i) => [at, trace.squaredDifference[i] ?? null]));
    return t.map((at) => values.get(at) ?? null);
  });
  return [t, ...columns];
}

function options(palette: Palette, kinds: string, truncation: number) {
  const colors: Readonly<Record<string, { stroke: string; width: number; alpha: number }>> = {
    f: { stroke: palette.signal, width: 2, alpha: 1 },
    p: { stroke: palette['mark-line'], width: 1.5, alpha: 1 },
    '-': { stroke: palette['ink-3'], width: 1, alpha: 0.45 },
  };
  return {
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0] as [number, number, number, number],
    scales: { x: { time: false, dir: -1 as const }, y: { range: fromZero } },
    axes: [
      axis(palette, { label: 'timestep t, noise to image', grid: false, size: 30 }),
      { ...axis(palette, { size: 46 }), values: tickNumbers },
    ],
    series: [{}, ...[...kinds].map((kind) => ({ ...colors[kind], points: { show: false } }))],
    hooks: { drawClear: [(plot: uPlot) => shadeLeftOut(plot, truncation, palette)] },
  };
}

function fromZero(_plot: uPlot, _min: number, max: number): [number, number] {
  return [0, max > 0 ? max * 1.06 : 1];
}

/** Steps that do not count lie on gray ground. */
function shadeLeftOut(plot: uPlot, truncation: number, palette: Palette): void {
  if (truncation <= 0) return;
  const from = plot.valToPos(truncation, 'x', true);
  const right = plot.bbox.left + plot.bbox.width;
  plot.ctx.fillStyle = palette.line;
  plot.ctx.fillRect(from, plot.bbox.top, Math.max(0, right - from), plot.bbox.height);
}

import type uPlot from 'uplot';
import { formatDecimals, formatNumber } from '../format.ts';
import type { Palette } from './palette.ts';

const TICK_SIZE = 4;

type AxisOptions = {
  readonly label?: string;
  readonly size?: number;
  readonly grid?: boolean;
  readonly side?: 1 | 2 | 3;
};

/** Hairline axes in the page's colors. */
export function axis(palette: Palette, { label, size, grid = true, side }: AxisOptions = {}): uPlot.Axis {
  return {
    stroke: palette['ink-3'],
    font: palette.font,
    grid: { show: grid, stroke: palette.line, width: 1 },
    ticks: { stroke: palette.line, width: 1, size: TICK_SIZE },
    gap: 6,
    ...(label === undefined ? {} : { label, labelFont: palette.font, labelSize: 18, labelGap: 2 }),
    ...(size === undefined ? {} : { size }),
    ...(side === undefined ? {} : { side }),
  };
}

const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** The axis of optimizer steps, with ticks at whole numbers only. */
function stepAxis(palette: Palette): uPlot.Axis {
  return { ...axis(palette, { grid: false, size: 30, label: 'step' }), incrs: WHOLE_STEPS };
}

/** What plots over optimizer steps share. @param values the other axis */
export function overSteps(
  palette: Palette,
  values: uPlot.Axis = { ...axis(palette, { size: 56 }), values: tickNumbers },
) {
  return {
    cursor: { y: false, points: { size: 5 } },
    scales: { x: { time: false } },
    axes: [stepAxis(palette), values],
  };
}

/** The step under the pointer, for a legend that is empty without one. */
export const STEP_SERIES = {
  label: 'step',
  value: (_plot: unknown, step: number | null) => (step === null ? '' : String(step)),
} as const satisfies uPlot.Series;

const MAX_DECIMALS = 10;
const MILLION = 1e6;

/** All ticks of an axis with the same number of decimals: the fewest that give every value exactly. */
export function tickNumbers(_plot: uPlot, values: (number | null)[]): string[] {
  const shown = values.filter((value) => value !== null);
  const inMillions = shown.some((value) => Math.abs(value) >= MILLION);
  const scaled = (value: number) => (inMillions ? value / MILLION : value);
  const [first = 0, second = 0] = shown.map(scaled);
  // Multiples of a step are off by rounding errors, which nobody wants to read.
  const tolerance = 1e-6 * (Math.abs(second - first) || Math.abs(first));
  let decimals = 0;
  const isExact = (value: number) =>
    Math.abs(Number(scaled(value).toFixed(decimals)) - scaled(value)) <= tolerance;
  while (decimals < MAX_DECIMALS && !shown.every(isExact)) decimals++;
  return values.map((value) => {
    if (value === null) return '';
    const text = formatDecimals(scaled(value), decimals);
    return inMillions ? `${text} M` : text;
  });
}

/** A logarithmic axis with a line at every power of ten. */
export function powerAxis(palette: Palette): uPlot.Axis {
  const plain = axis(palette, { size: 56 });
  return { ...plain, values: tickPowers, grid: { ...plain.grid, filter: onlyPowers } };
}

function onlyPowers(_plot: uPlot, splits: number[]): (number | null)[] {
  return splits.map((value) => {
    const power = Math.log10(value);
    return Math.abs(power - Math.round(power)) < 1e-6 ? value : null;
  });
}

/** Scientific form where values span orders of magnitude. */
function tickPowers(_plot: uPlot, values: (number | null)[]): string[] {
  return values.map((value) => (value === null ? '' : formatNumber(value, 3)));
}

import type uPlot from 'uplot';
import { formatLarge, formatNumber } from '../format.ts';
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
export function stepAxis(palette: Palette): uPlot.Axis {
  return { ...axis(palette, { grid: false, size: 30, label: 'step' }), incrs: WHOLE_STEPS };
}

/** All ticks of an axis with the same number of decimals, as many as their distance asks for. */
export function tickNumbers(_plot: uPlot, values: (number | null)[]): string[] {
  const [first = 0, second = first] = values.filter((value) => value !== null);
  const step = Math.abs(second - first);
  const decimals = step === 0 ? 0 : Math.min(8, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  return values.map((value) => {
    if (value === null) return '';
    return Math.abs(value) >= 1000 ? formatLarge(value) : value.toFixed(decimals).replace('-', '−');
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

/** Training records as columns for plots. */
import type { TrainRecord } from '../../../contract/events.ts';

/** Position on one axis over all rounds. */
export function globalStep(
  { round, step }: { readonly round: number; readonly step: number },
  iterations: number,
): number {
  return round * iterations + step;
}

/** Mean loss; null before the first step. */
export function meanOfLast(train: readonly TrainRecord[], count: number): number | null {
  const last = train.slice(-count);
  return last.length === 0 ? null : last.reduce((sum, record) => sum + record.loss, 0) / last.length;
}

/** Running mean over `width` values, centered, shorter at the ends. */
export function smooth(values: readonly number[], width: number): number[] {
  const half = Math.floor(width / 2);
  return values.map((_, i) => {
    const part = values.slice(Math.max(0, i - half), i + half + 1);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/** Places values on a shared axis: `null` where a column has no value. */
export function onAxis<T>(
  axis: readonly number[],
  records: readonly T[],
  x: (record: T) => number,
  y: (record: T, i: number) => number,
): (number | null)[] {
  const byX = new Map(records.map((record, i) => [x(record), y(record, i)]));
  return axis.map((at) => byX.get(at) ?? null);
}

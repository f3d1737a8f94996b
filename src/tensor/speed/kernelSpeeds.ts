/**
 * How long kernels take on a device, from a few that were timed at the start: what a forecast is made of before anything was
 * computed. A product or an attention takes its multiply-adds at the rate of the timed one that is nearest in size, everything
 * else its bytes at one rate, and every launch a little beside.
 */
import type { Work } from '../webgpu/encoder.ts';
import type { KernelOp } from '../webgpu/variantState.ts';

/** A launch of that many multiply-adds, which took so long, its overhead apart. */
export type TimedLaunch = { readonly multiplyAdds: number; readonly seconds: number };

export type KernelSpeeds = {
  /** What a launch takes beside its work. */
  readonly launchSeconds: number;
  /** Of what computes little for each byte that it reads or writes. */
  readonly bytesPerSecond: number;
  /** By op, from small to large; an op that was not timed is absent. */
  readonly ops: Readonly<Partial<Record<KernelOp, readonly TimedLaunch[]>>>;
};

/** Whose rate a kernel has, by the beginning of its label, the first that was timed. */
const RATES: readonly (readonly [label: string, ops: readonly KernelOp[]])[] = [
  ['linear_gradient', ['linear_gradient', 'linear']],
  ['linear', ['linear', 'linear_gradient']],
  ['conv2d_gradient', ['conv2d_gradient', 'conv2d', 'linear']],
  ['conv2d', ['conv2d', 'linear']],
  // Its kernels for queries, keys and values.
  ['attention_gradient', ['attention_gradient', 'attention', 'linear']],
  ['attention_tiled_gradient', ['attention_gradient', 'attention', 'linear']],
  ['attention', ['attention', 'linear']],
  // Of two operands that are trained.
  ['matmul', ['linear_gradient', 'linear']],
];

/** Seconds of one dispatch. */
export function secondsOf({ launchSeconds, bytesPerSecond, ops }: KernelSpeeds, work: Work): number {
  const [, alike = []] = RATES.find(([label]) => work.label.startsWith(label)) ?? [];
  const timed = alike.map((op) => ops[op]).find((list) => list !== undefined && list.length > 0);
  if (work.work > 0 && timed !== undefined) return launchSeconds + work.work / rateAt(timed, work.work);
  return launchSeconds + (work.bytesRead + work.bytesWritten) / bytesPerSecond;
}

/** Multiply-adds a second of a launch of that size: between two sizes that were timed as their ratio says, beyond them as there. */
function rateAt(timed: readonly TimedLaunch[], multiplyAdds: number): number {
  const above = timed.findIndex((launch) => launch.multiplyAdds >= multiplyAdds);
  const after = timed[above === -1 ? timed.length - 1 : above] as TimedLaunch;
  const before = above <= 0 ? after : (timed[above - 1] as TimedLaunch);
  if (before === after) return rateOf(after);
  const share =
    Math.log(multiplyAdds / before.multiplyAdds) / Math.log(after.multiplyAdds / before.multiplyAdds);
  return rateOf(before) * (rateOf(after) / rateOf(before)) ** share;
}

function rateOf({ multiplyAdds, seconds }: TimedLaunch): number {
  return multiplyAdds / seconds;
}

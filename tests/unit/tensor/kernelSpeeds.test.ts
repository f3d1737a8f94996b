// What a dispatch takes by the kernels that were timed.

import { expect, test } from 'vitest';
import { type KernelSpeeds, secondsOf } from '../../../src/tensor/speed/kernelSpeeds.ts';

/** Rates of 10 and 40 multiply-adds a second at two sizes, and of 5 for attention alone. */
const speeds: KernelSpeeds = {
  launchSeconds: 0.5,
  bytesPerSecond: 100,
  ops: {
    linear: [
      { multiplyAdds: 100, seconds: 10 },
      { multiplyAdds: 1600, seconds: 40 },
    ],
    attention: [{ multiplyAdds: 10, seconds: 2 }],
  },
};
const seconds = (label: string, work: number, bytes = 0): number =>
  secondsOf(speeds, { label, work, bytesRead: bytes / 2, bytesWritten: bytes / 2 });

test('a product takes its multiply-adds at the rate of its size', () => {
  expect(seconds('linear/tiles/64x8/f16', 100)).toBeCloseTo(0.5 + 10, 12);
  expect(seconds('linear/registers/8', 1600)).toBeCloseTo(0.5 + 40, 12);
  // In the middle of the logarithms lies the middle of the rates’: 20.
  expect(seconds('linear', 400)).toBeCloseTo(0.5 + 20, 12);
  // Beyond what was timed as at its end.
  expect(seconds('linear', 20)).toBeCloseTo(0.5 + 2, 12);
  expect(seconds('linear', 16_000)).toBeCloseTo(0.5 + 400, 12);
});

test('an op that was not timed has the rate of the one that is most like it', () => {
  expect(seconds('linear_gradient', 100)).toBeCloseTo(0.5 + 10, 12);
  expect(seconds('conv2d_gradient/registers', 100)).toBeCloseTo(0.5 + 10, 12);
  expect(seconds('attention_gradient_kv/32', 10)).toBeCloseTo(0.5 + 2, 12);
  expect(seconds('attention_tiled_gradient/dq/32', 10)).toBeCloseTo(0.5 + 2, 12);
  expect(seconds('matmul/TN', 100)).toBeCloseTo(0.5 + 10, 12);
});

test('everything else takes its bytes', () => {
  expect(seconds('group_norm/256', 0, 200)).toBeCloseTo(0.5 + 2, 12);
  expect(seconds('attention_delta', 0, 50)).toBeCloseTo(0.5 + 0.5, 12);
  expect(seconds('tfjs', 0, 50)).toBeCloseTo(0.5 + 0.5, 12);
  expect(
    secondsOf({ ...speeds, ops: {} }, { label: 'linear', work: 9, bytesRead: 50, bytesWritten: 50 }),
  ).toBe(1.5);
});

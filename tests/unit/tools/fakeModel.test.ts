import { expect, test } from 'vitest';
import { parseFakeModel } from '../../../tools/verify/schedulerRun.ts';

const at = (formula: string, x: number): number => parseFakeModel(formula)(Float32Array.of(x))[0] as number;

test.each([
  ['0.3*x + 0.1*sin(x)', 0.3 * 2 + 0.1 * Math.sin(2)],
  ['0.3*x + 0.1*sin(x) (elementwise, float32)', 0.3 * 2 + 0.1 * Math.sin(2)],
  ['0.25*x + 0.2*cos(x)', 0.25 * 2 + 0.2 * Math.cos(2)],
  ['x - 1e-1 * torch.cos(x), elementwise', 2 - 0.1 * Math.cos(2)],
  ['-.5*sin(x) + 2*x', -0.5 * Math.sin(2) + 4],
])('reads %s', (formula, expected) => {
  expect(at(formula, 2)).toBeCloseTo(expected, 6);
});

test.each(['', 'tanh(x)', '0.3*x + 0.1*tan(x)', '0.3*x * sin(x)', 'x^2', '0.3*x + 0.1'])(
  'refuses %j',
  (formula) => {
    expect(() => parseFakeModel(formula)).toThrow(/is not known/);
  },
);

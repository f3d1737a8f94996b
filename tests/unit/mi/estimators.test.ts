import { describe, expect, it } from 'vitest';
import { ESTIMATORS, findEstimator } from '../../../src/mi/estimators.ts';

describe('the estimator table', () => {
  it('has one row for every estimator that exists', () => {
    expect(ESTIMATORS.map((e) => [e.estimator, e.path])).toEqual([
      ['orthogonal', 'guided'],
      ['orthogonal', 'conditional'],
      ['orthogonal', 'renoise'],
      ['standard', 'renoise'],
    ]);
    expect(findEstimator('standard', 'guided')).toBeUndefined();
  });

  it('never calls a guided score nats', () => {
    expect(ESTIMATORS.filter((e) => e.unit === 'nats').map((e) => e.path)).not.toContain('guided');
    expect(findEstimator('orthogonal', 'guided')?.caution).toContain('ranking');
  });

  it('charges evaluations only for new noise, once for both renoised estimators', () => {
    expect(ESTIMATORS.map((e) => e.evaluationsPerDraw)).toEqual([0, 0, 2, 0]);
  });

  it('lets only the error difference be negative', () => {
    expect(ESTIMATORS.filter((e) => e.mayBeNegative).map((e) => e.estimator)).toEqual(['standard']);
  });
});

import { describe, expect, test } from 'vitest';
import type { EvaluationRecord, MetricRecord } from '../../../src/contract/events.ts';
import type { ComparePair } from '../../../src/contract/protocol.ts';
import { tallySentence, verdictSentence } from '../../../src/ui/pages/compare/verdict.ts';

const image = { width: 1, height: 1, rgba: new Uint8ClampedArray(4) };

function record(low: number, high: number, exact = true): EvaluationRecord {
  const change = { mean: (low + high) / 2, low, high };
  return {
    version: 0,
    round: 0,
    adapterStep: 10,
    errorFall: change,
    mi: { before: 1, after: 2, change },
    metrics: exact
      ? { exact: { before: { value: 0.52, images: 32 }, after: { value: 0.77, images: 32 }, change } }
      : {},
  };
}

function pair(before: number | null, after: number | null): ComparePair {
  const metrics = (value: number | null): MetricRecord => (value === null ? {} : { exact: { value } });
  return {
    prompt: 'a red circle',
    seed: 1,
    before: image,
    after: image,
    scoreBefore: 0,
    scoreAfter: 0,
    metricsBefore: metrics(before),
    metricsAfter: metrics(after),
  };
}

describe('the verdict', () => {
  test('names the shares and what the interval allows to say', () => {
    expect(verdictSentence(record(0.1, 0.3))).toBe(
      'Training helped: the exact score on held-out prompts was 52% before and is 77% after.',
    );
    expect(verdictSentence(record(-0.3, -0.1))).toMatch(/^Training did harm: .* 52% before/);
    expect(verdictSentence(record(-0.1, 0.2))).toMatch(/^Not settled: .* may be chance\.$/);
  });

  test('goes by the error where nothing is scored exactly', () => {
    expect(verdictSentence(record(0.1, 0.3, false))).toMatch(/helped/);
    expect(verdictSentence(record(-0.3, -0.1, false))).toMatch(/harm/);
    expect(verdictSentence(record(0, 0.2, false))).toMatch(/not settled/);
  });

  test('counts pictures, and only those that are scored', () => {
    expect(tallySentence([pair(0.5, 1), pair(0.5, 0.75), pair(1, 1), pair(1, 0.5), pair(null, null)])).toBe(
      'Of 4 pictures, 2 got better, 1 stayed as good and 1 got worse.',
    );
    expect(tallySentence([pair(null, null)])).toBeNull();
  });
});

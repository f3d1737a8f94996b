import fc from 'fast-check';
import { expect, test } from 'vitest';
import { patternMatcher } from '../../../src/adapters/modulePattern.ts';

const PATH = 'down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0';

// Expected: bool(re.match(rf'(.*\.)?({key})$', path)) in Python 3.11.
test.each([
  ['to_out.0', true],
  ['to_out\\.0', true],
  ['attn1.to_out.0', true],
  ['attn2.to_out.0', false],
  ['out.0', false],
  ['down_blocks.*to_out.0', true],
  ['down_blocks\\.1\\..*\\.(to_q|to_out\\.0)', true],
  ['down_blocks\\.[02]\\..*', false],
  ['.*', true],
  ['to_q|to_out.0', true],
  ['blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0', false],
])('the pattern %s fits: %s', (pattern, fits) => {
  expect(patternMatcher(pattern)?.(PATH)).toBe(fits);
});

test.each(['(a+)+', '(.*)*x', '((ab*)c)*', '.*.*.*.*x', '(x{1,}){2,}', '(', 'a'.repeat(301)])(
  'the pattern %s is not run',
  (pattern) => {
    expect(patternMatcher(pattern)).toBeNull();
  },
);

test('no pattern throws, and every path fits itself', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (pattern) => {
      patternMatcher(pattern)?.(PATH);
    }),
    { seed: 1, numRuns: 2000 },
  );
  expect(patternMatcher(PATH)?.(PATH)).toBe(true);
});

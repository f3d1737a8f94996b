// Ways of drawing on the tiny model: through the same pool as guidance alone, under an adapter, and leaving nothing behind.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { drawRuleOf } from '../../../src/methods/code.ts';
import { METHODS } from '../../../src/methods/registry.ts';
import type { DrawnCandidate } from '../../../src/procedures/drawJob.ts';
import { drawPool } from '../../../src/procedures/drawPool.ts';
import { guidanceRule } from '../../../src/procedures/drawRule.ts';
import { sessionScheduler } from '../../../src/procedures/session.ts';
import { applyAdapter, type Tuned } from '../../../src/procedures/tuned.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { onBackends, relativeError } from '../kernels/harness.ts';
import { type Bench, openBench, someAdapter } from '../training/bench.ts';

/** Two updates: many amplify rounding until two ways of computing the same differ. */
const OPTIONS: Readonly<Record<string, Record<string, number>>> = {
  'attend-and-excite': { maxRefinements: 1 },
};
/** What the tiny tokenizer's grammar has; the tagger would read it alike. */
const READINGS = { 'a red cat': { objects: ['cat'], phrases: ['red cat'] } };
const SEEDS = [7, 8];

onBackends('a way of drawing', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench.dispose());

  const draw = async (
    name: string | null,
    {
      tuned = null,
      mode = 'whole',
      readings = READINGS,
    }: { tuned?: Tuned | null; mode?: 'whole' | 'byStage'; readings?: typeof READINGS } = {},
  ): Promise<DrawnCandidate[]> => {
    const rule =
      name === null
        ? guidanceRule
        : await drawRuleOf({ drawnBy: { name, options: OPTIONS[name] ?? {} }, readings });
    const task = {
      prompt: 0,
      text: 'a red cat',
      candidates: SEEDS.map((seed, candidate) => ({ candidate, seed })),
    };
    const session = { ...bench.session, policy: { ...bench.session.policy, sweep: mode } };
    const options = { scheduler: sessionScheduler(session, 'ddim', 2), guidance: 3, batch: 2, rule };
    const drawn: DrawnCandidate[] = [];
    for await (const batch of drawPool(session, tuned, [task], options)) drawn.push(...batch);
    return drawn;
  };

  it.each(METHODS.filter(({ draws }) => draws).map(({ name }) => name))(
    '%s moves every image, measures it, works under an adapter and frees what it made',
    async (name) => {
      const [plain, ruled] = [await draw(null), await draw(name)];
      const tensors = tf.memory().numTensors;
      for (const [i, candidate] of ruled.entries()) {
        const without = plain[i] as DrawnCandidate;
        expect(candidate.latent.every(Number.isFinite)).toBe(true);
        expect(relativeError(candidate.latent, without.latent)).toBeGreaterThan(1e-4);
        expect(candidate.squaredDifference).toHaveLength(2);
        expect(Math.min(...candidate.squaredDifference)).toBeGreaterThan(0);
      }
      const again = await draw(name, { mode: 'byStage' });
      // Stage by stage is the same rule with other rounding.
      expect(
        relativeError((again[0] as DrawnCandidate).latent, (ruled[0] as DrawnCandidate).latent),
      ).toBeLessThan(1e-3);
      const tuned = await applyAdapter(bench.session, someAdapter(bench, 'lora'));
      const adapted = await draw(name, { tuned });
      expect(
        relativeError((adapted[0] as DrawnCandidate).latent, (ruled[0] as DrawnCandidate).latent),
      ).toBeGreaterThan(1e-4);
      tuned.dispose();
      expect(tf.memory().numTensors).toBe(tensors);
    },
  );

  it.each(METHODS.filter(({ draws }) => draws).map(({ name }) => name))(
    '%s draws those that go on as if nobody were stopped',
    async (name) => {
      const rule = await drawRuleOf({ drawnBy: { name, options: OPTIONS[name] ?? {} }, readings: READINGS });
      const task = {
        prompt: 0,
        text: 'a red cat',
        candidates: SEEDS.map((seed, candidate) => ({ candidate, seed })),
      };
      const { session } = bench;
      const onStopped = async (): Promise<void> => undefined;
      const draw = async (goOn: number): Promise<DrawnCandidate[]> => {
        const options = {
          scheduler: sessionScheduler(session, 'ddim', 2),
          guidance: 3,
          batch: 2,
          rule,
          stop: { steps: 1, coefficients: [1], onStopped },
        };
        const drawn: DrawnCandidate[] = [];
        const thin = { goOn, known: [] };
        for await (const batch of drawPool(session, null, [{ ...task, thin }], options)) drawn.push(...batch);
        return drawn;
      };
      const whole = await draw(2);
      const tensors = tf.memory().numTensors;
      const thinned = await draw(1);
      expect(thinned).toHaveLength(1);
      expect(whole).toEqual(expect.arrayContaining(thinned));
      expect(tf.memory().numTensors).toBe(tensors);
    },
  );

  it('does nothing where the reading names nothing', async () => {
    const plain = await draw(null);
    const readings = { 'a red cat': { objects: [], phrases: [] } };
    for (const name of ['attend-and-excite', 'structured-guidance', 'mi-maps']) {
      const [first] = await draw(name, { readings });
      expect(
        relativeError((first as DrawnCandidate).latent, (plain[0] as DrawnCandidate).latent),
      ).toBeLessThan(1e-5);
    }
  });
});

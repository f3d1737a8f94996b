import * as v from 'valibot';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adapterParameters } from '../../../src/adapters/adapter.ts';
import { EVERYTHING_FITS } from '../../../src/contract/policy.ts';
import type { CaptionedLatent } from '../../../src/procedures/measureSet.ts';
import { type RoundEvent, type RoundOptions, trainRound } from '../../../src/procedures/trainRound.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { type Checkpoint, checkpointSchema } from '../../../src/training/checkpoint.ts';
import { onBackends, randoms } from '../kernels/harness.ts';
import { type Bench, OPTIONS, openBench, PROMPTS, someAdapter } from './bench.ts';

const SET: readonly CaptionedLatent[] = PROMPTS.map((text, i) => ({ text, latent: randoms(50 + i, 256) }));
const HELD_OUT: readonly CaptionedLatent[] = [{ text: 'two cats', latent: randoms(60, 256) }];

onBackends('a round of training', (backend) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench.dispose());

  const options = (over: Partial<RoundOptions> = {}): RoundOptions => ({
    ...OPTIONS,
    clip: 1,
    kind: 'dora',
    rank: 4,
    textEncoder: false,
    iterations: 4,
    checkpointEvery: 2,
    previewEvery: 0,
    seed: 11,
    origin: { round: 0, set: '', backend, kernels: {} },
    ...over,
  });
  /** Events of a round, until and with the checkpoint at `step`. */
  const run = async (
    start: Checkpoint | null,
    over: Partial<RoundOptions> = {},
    until = Number.POSITIVE_INFINITY,
  ): Promise<RoundEvent[]> => {
    const events: RoundEvent[] = [];
    for await (const event of trainRound(bench.session, SET, HELD_OUT, start, options(over))) {
      events.push(event);
      if (event.type === 'checkpoint' && event.checkpoint.step >= until) break;
    }
    return events;
  };

  const variants: [string, boolean][] = [['the image network', false]];
  // The text encoder's gradients are compared on both backends elsewhere.
  if (backend === 'wasm') variants.push(['both networks', true]);
  it('in pieces and block by block comes to the same numbers, and goes on to the same bits', async () => {
    const policy = { ...EVERYTHING_FITS, sweep: 'byStage', trainRows: 1 } as const;
    const frugal = { ...bench.session, policy };
    const inPieces = async (start: Checkpoint | null, until: number): Promise<RoundEvent[]> => {
      const events: RoundEvent[] = [];
      for await (const event of trainRound(frugal, SET, [], start, options())) {
        events.push(event);
        if (event.type === 'checkpoint' && event.checkpoint.step >= until) break;
      }
      return events;
    };
    const whole = steps(await run(null));
    const pieces = await inPieces(null, 4);
    for (const [i, step] of steps(pieces).entries()) {
      // Sums in another order, and an optimizer in between: 1e-4 of the values.
      expect(step.loss).toBeCloseTo(whole[i]?.loss as number, 4);
      expect((step.gradNorm / (whole[i]?.gradNorm as number)).toFixed(3)).toBe('1.000');
    }
    const stored = v.parse(checkpointSchema, structuredClone(checkpoints(await inPieces(null, 2)).at(-1)));
    expect(checkpoints(await inPieces(stored, 4)).at(-1)).toEqual(checkpoints(pieces).at(-1));
  });

  it.each(variants)('that is cut short goes on to the same bits, training %s', async (_, textEncoder) => {
    const whole = await run(null, { textEncoder });
    const before = await run(null, { textEncoder }, 2);
    const stored = v.parse(checkpointSchema, structuredClone(checkpoints(before).at(-1)));
    expect(stored.step).toBe(2);
    const after = await run(stored, { textEncoder });
    expect(checkpoints(whole).map((c) => c.step)).toEqual([0, 2, 4]);
    expect(checkpoints(after).map((c) => c.step)).toEqual([4]);
    expect(checkpoints(after).at(-1)).toEqual(checkpoints(whole).at(-1));
    expect(steps(after)).toEqual(steps(whole).slice(2));
    expect(validations(after)).toEqual(validations(whole).slice(-1));
  });

  it('that goes on from its first checkpoint does not report that one again', async () => {
    const first = await run(null, {}, 0);
    expect(checkpoints(first).map((c) => c.step)).toEqual([0]);
    const after = await run(v.parse(checkpointSchema, structuredClone(checkpoints(first)[0])), {
      iterations: 2,
    });
    expect(checkpoints(after).map((c) => c.step)).toEqual([2]);
  });

  it('goes on with the adapter of the round before', async () => {
    const adapter = someAdapter(bench, 'dora');
    const given: number[][] = [];
    for (const { tensor } of adapterParameters(adapter)) given.push([...(await tensor.data())]);
    const events: RoundEvent[] = [];
    for await (const event of trainRound(bench.session, SET, [], { adapter }, options({ iterations: 1 }))) {
      events.push(event);
    }
    const [start] = checkpoints(events) as [Checkpoint];
    expect(start.adapter.tensors.map((values) => [...values])).toEqual(given);
    expect(validations(events)).toEqual([null, null]);
  });

  it('lends its adapter for previews', async () => {
    const events: string[] = [];
    for await (const event of trainRound(
      bench.session,
      SET,
      [],
      null,
      options({ iterations: 2, previewEvery: 1 }),
    )) {
      if (event.type === 'preview') expect(event.tuned.adapter.layers.length).toBeGreaterThan(0);
      events.push(
        event.type === 'step' || event.type === 'preview' ? `${event.type} ${event.step}` : event.type,
      );
    }
    expect(events).toEqual([
      'checkpoint',
      'preview 0',
      'step 1',
      'preview 1',
      'step 2',
      'checkpoint',
      'preview 2',
    ]);
  });

  it('stops when asked, with nothing left behind', async () => {
    const tensors = tf.memory().numTensors;
    const controller = new AbortController();
    const training = trainRound(bench.session, SET, [], null, options({ signal: controller.signal }));
    const taken: RoundEvent[] = [];
    const consume = async (): Promise<void> => {
      for await (const event of training) {
        taken.push(event);
        if (event.type === 'step') controller.abort();
      }
    };
    await expect(consume()).rejects.toThrow('abort');
    expect(steps(taken)).toHaveLength(1);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('stops at a loss that is not a number, with the last checkpoint yielded', async () => {
    const wild = { ...options(), learningRate: 1e30, checkpointEvery: 1, clip: null };
    const taken: RoundEvent[] = [];
    const consume = async (): Promise<void> => {
      for await (const event of trainRound(bench.session, SET, [], null, wild)) taken.push(event);
    };
    await expect(consume()).rejects.toMatchObject({ code: 'loss-not-finite' });
    for (const { adapter } of checkpoints(taken)) {
      expect(adapter.tensors.every((values) => values.every(Number.isFinite))).toBe(true);
    }
  });

  it('refuses a damaged checkpoint', async () => {
    const [checkpoint] = checkpoints(await run(null, {}, 0)) as [Checkpoint];
    expect(() => v.parse(checkpointSchema, { ...checkpoint, m: undefined })).toThrow(v.ValiError);
    expect(() => v.parse(checkpointSchema, { ...checkpoint, version: 2 })).toThrow(v.ValiError);
    const short = { ...checkpoint, m: checkpoint.m.slice(1) };
    expect(() => v.parse(checkpointSchema, short)).toThrow(v.ValiError);
  });
});

function checkpoints(events: readonly RoundEvent[]): Checkpoint[] {
  return events.flatMap((event) => (event.type === 'checkpoint' ? [event.checkpoint] : []));
}

function steps(events: readonly RoundEvent[]) {
  return events.flatMap((event) =>
    event.type === 'step'
      ? [{ step: event.step, loss: event.result.loss, gradNorm: event.result.gradNorm }]
      : [],
  );
}

function validations(events: readonly RoundEvent[]) {
  return events.flatMap((event) => (event.type === 'checkpoint' ? [event.validation] : []));
}

// A run that is stopped anywhere and goes on gives what an uninterrupted one gives, to the bit.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StageName } from '../../../src/contract/events.ts';
import type { RunState } from '../../../src/contract/runTypes.ts';
import { BROWSER } from '../../../src/storage/browser.ts';
import { updateValue } from '../../../src/storage/kv.ts';
import { openRunStore } from '../../../src/storage/runStore.ts';
import { openStudio, type Studio } from './studio.ts';

/** What must not depend on how often a run was stopped. */
type Outcome = Pick<
  RunState,
  'candidates' | 'selections' | 'train' | 'validation' | 'evaluations' | 'heldOut'
> & {
  readonly adapter: Uint8Array;
};

describe.each(['wasm', 'webgpu'] as const)('a run on %s', (backend) => {
  // The evaluation costs more than all the rest and is the same code on both backends.
  const until = backend === 'wasm' ? 'done' : 'train';
  let studio: Studio;
  beforeAll(async () => {
    studio = await openStudio(backend);
  });
  afterAll(() => studio.dispose());

  const outcome = async (runId: string, reached: StageName = until): Promise<Outcome> => {
    const { candidates, selections, train, validation, evaluations, heldOut, summary } =
      await studio.state(runId);
    expect(summary).toMatchObject(reached === 'done' ? { status: 'done' } : { stage: 'evaluate' });
    const { bytes } = await studio.client.call('exportAdapter', { runId, which: 'best' });
    return { candidates, selections, train, validation, evaluations, heldOut, adapter: bytes };
  };

  it('gives the same bits however often it is stopped', async () => {
    const whole = await studio.create();
    const events = await studio.run(whole, until);
    const stages = [
      'load',
      'pool',
      'real-images',
      'select',
      'train',
      ...(until === 'done' ? ['evaluate', 'done'] : []),
    ];
    expect(events.flatMap((e) => (e.type === 'stage' ? [e.stage] : []))).toEqual(stages);

    const stopped = await studio.create();
    let batches = 0;
    await studio.runUntilEvent(stopped, (e) => e.type === 'candidates' && ++batches === 2);
    const early = await studio.state(stopped);
    expect(early.summary).toMatchObject({ status: 'paused', stage: 'pool' });
    expect(early.summary.progress).toBeGreaterThan(0.1);
    expect(early.summary.progress).toBeLessThan(0.9);
    expect(early.candidates.length).toBeGreaterThanOrEqual(3);
    expect(early.candidates.length).toBeLessThan(15);
    await studio.runUntilEvent(stopped, (e) => e.type === 'checkpoint' && e.step === 0);
    await studio.runUntilEvent(stopped, (e) => e.type === 'train' && e.record.step === 3);
    const late = await studio.state(stopped);
    expect(late.summary).toMatchObject({ status: 'paused', stage: 'train' });
    await studio.run(stopped, until);

    const expected = await outcome(whole);
    expect(expected.candidates).toHaveLength(15);
    expect(expected.train.map((r) => r.step)).toEqual([1, 2, 3, 4, 5]);
    expect(expected.validation.map((r) => r.step)).toEqual([0, 2, 4, 5]);
    expect(await outcome(stopped)).toEqual(expected);
  });

  it('goes on with what it was begun with, or says that it cannot', async () => {
    const machine = { selection: { candidates: 1 }, sampling: { steps: 2 } } as const;
    const runId = await studio.create(machine);
    await studio.run(runId, 'select');
    const { computedBy } = await openRunStore(BROWSER, runId).load();
    expect(computedBy).toMatchObject({ backend, kernels: { weights: 'f32' } });
    const { kernels } = computedBy as NonNullable<typeof computedBy>;
    const resumeFrom = async (begun: Record<string, string>): Promise<string[]> => {
      const other = await studio.create(machine);
      // Files can only be written in a worker.
      await updateValue(`run:${other}`, (old) => ({
        ...(old as object),
        computedBy: { backend, kernels: { ...kernels, ...begun } },
      }));
      const events = await studio.run(other, 'select');
      return events.flatMap((e) => (e.type === 'warning' ? [e.report.code] : []));
    };
    const inUse = async () => (await studio.client.call('open', { backend })).kernels;
    const onGpu = backend === 'webgpu';
    expect(await resumeFrom(onGpu ? { linear: 'subgroups' } : {})).not.toContain('backend-changed');
    expect((await inUse())?.linear).toBe(onGpu ? 'subgroups' : undefined);
    expect(await resumeFrom({ linear: 'of another version' })).toContain('backend-changed');
    expect((await inUse())?.linear).toBe(onGpu ? 'registers' : undefined);
  });

  it('keeps its model while it works', async () => {
    const runId = await studio.create();
    let importing: Promise<unknown> | undefined;
    await studio.runUntilEvent(runId, (e) => {
      if (e.type !== 'candidates') return false;
      importing = studio.client.call('importModel', { name: 'other', files: [] }).catch((error) => error);
      return true;
    });
    expect(await importing).toMatchObject({ code: 'engine-busy' });
    await studio.run(runId, 'select');
  });

  it('gives the same bits whatever the batch of the pool', async () => {
    const [two, three] = [await studio.create(), await studio.create({ sampling: { batch: 3 } })];
    for (const runId of [two, three]) await studio.run(runId, 'select');
    expect((await studio.state(three)).candidates).toEqual((await studio.state(two)).candidates);
    expect((await studio.state(three)).selections).toEqual((await studio.state(two)).selections);
  });

  it('draws later rounds from the trained model and goes on with its adapter', async () => {
    const change = {
      selection: { rounds: 2, candidates: 2 },
      training: { iterations: 2, validationShare: 0 },
    } as const;
    const whole = await studio.create(change);
    const events = await studio.run(whole);
    // Nothing is held out; that is said once, not in every round.
    expect(events.filter((e) => e.type === 'warning').length).toBe(1);
    const stopped = await studio.create(change);
    await studio.runUntilEvent(stopped, (e) => e.type === 'candidates' && e.records[0]?.round === 1);
    expect((await studio.state(stopped)).summary).toMatchObject({ round: 1, stage: 'pool' });
    await studio.run(stopped);
    const [a, b] = [await outcome(whole, 'done'), await outcome(stopped, 'done')];
    expect(b).toEqual(a);
    const ofRound = (round: number) => a.candidates.filter((c) => c.round === round);
    const [first, second] = [ofRound(0), ofRound(1)];
    expect(second.map((c) => c.seed)).toEqual(first.map((c) => c.seed));
    expect(second.map((c) => c.score)).not.toEqual(first.map((c) => c.score));
    expect(a.train.map((r) => [r.round, r.step])).toEqual([
      [0, 1],
      [0, 2],
      [1, 1],
      [1, 2],
    ]);
  });
});

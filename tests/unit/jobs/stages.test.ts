// The stages of a run on a disk in memory.

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { METHODS } from '../../../src/methods/registry.ts';
import type { Session } from '../../../src/procedures/session.ts';
import { openRunStore } from '../../../src/storage/runStore.ts';
import { MemoryDisk } from '../../helpers/memoryDisk.ts';
import { createNodeRun, openNodeSession, workOn } from '../../helpers/nodeStudio.ts';

vi.setConfig({ testTimeout: 60_000 });

let session: Session;
beforeAll(async () => {
  session = await openNodeSession();
});

describe('the stages of a run', () => {
  it('go from a prompt list to an adapter', async () => {
    const { backing } = new MemoryDisk();
    const id = await createNodeRun(backing, { training: { iterations: 2 } });
    expect(await workOn(session, backing, id)).toMatchObject({ status: 'done', stage: 'done' });
    const store = openRunStore(backing, id);
    expect(await store.series.load('scores')).toHaveLength(15);
    expect(await store.series.load('train')).toHaveLength(2);
    expect((await store.load()).evaluations).toHaveLength(1);
  });

  it.each([false, true])('keep the best or the last checkpoint: keepLast %s', async (keepLast) => {
    const { backing } = new MemoryDisk();
    const id = await createNodeRun(backing, {
      training: { iterations: 6, checkpointEvery: 1, learningRate: 1, keepLast },
    });
    await workOn(session, backing, id);
    const store = openRunStore(backing, id);
    const losses = (await store.series.load('validation')).map(({ loss }) => loss);
    const best = losses.indexOf(Math.min(...losses));
    expect(best).toBeLessThan(6);
    expect((await store.load()).evaluations[0]?.adapterStep).toBe(keepLast ? 6 : best);
  });

  it.each(['guided', 'renoise'] as const)('score again what the scores of a %s run lack', async (path) => {
    const { backing } = new MemoryDisk();
    const id = await createNodeRun(backing, { score: { path }, selection: { candidates: 2 } });
    await workOn(session, backing, id, { until: 'pool' });
    const store = openRunStore(backing, id);
    const before = await store.series.load('scores');
    await store.series.replace('scores', before.slice(0, 3));
    await store.save({ stage: 'pool' });
    await workOn(session, backing, id, { until: 'select' });
    expect(await store.series.load('scores')).toEqual(before);
    expect((await store.load()).selections[0]?.picks).toHaveLength(5);
  });
});

describe('a run of', () => {
  it.each(METHODS.map((method) => [method.name, method] as const))(
    '%s goes through its stages to its evaluation',
    async (name, { stages }) => {
      const { backing } = new MemoryDisk();
      const id = await createNodeRun(backing, {
        method: { name, options: {} },
        training: { iterations: 1 },
        selection: { candidates: 2 },
      });
      expect(await workOn(session, backing, id)).toMatchObject({ status: 'done', stage: 'done' });
      const store = openRunStore(backing, id);
      expect(await store.series.load('train')).toHaveLength(stages.includes('train') ? 1 : 0);
      const [evaluation] = (await store.load()).evaluations;
      expect(evaluation?.errorFall === null).toBe(!stages.includes('train'));
      expect(Number.isFinite(evaluation?.mi.change.mean)).toBe(true);
    },
  );
});

// The stages of a run on a disk in memory.

import { beforeAll, describe, expect, it, vi } from 'vitest';
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

// Results are immutable: a selection that changes makes a new version beside the old one.

import { beforeAll, expect, it, vi } from 'vitest';
import { chooseByHand } from '../../../src/engine/chooseByHand.ts';
import { loadRunState } from '../../../src/jobs/runState.ts';
import { adapterOfRun } from '../../../src/jobs/trained.ts';
import type { Session } from '../../../src/procedures/session.ts';
import { openRunStore } from '../../../src/storage/runStore.ts';
import { MemoryDisk } from '../../helpers/memoryDisk.ts';
import { createNodeRun, openNodeSession, workOn } from '../../helpers/nodeStudio.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let session: Session;
beforeAll(async () => {
  session = await openNodeSession();
});

it('adapter, histories, evaluation and previews stay with the selection that made them', async () => {
  const { backing } = new MemoryDisk();
  const id = await createNodeRun(backing, {
    selection: { candidates: 2 },
    training: { iterations: 2, previewEvery: 1 },
  });
  const store = openRunStore(backing, id);
  const adapterOf = async (version?: number) => (await adapterOfRun(store, 'best', version)).adapter.tensors;
  const lastOf = async (version?: number) => (await adapterOfRun(store, 'last', version)).adapter.tensors;
  const shown = async (version?: number) => {
    const { selections, train, validation, evaluations, previews } = await loadRunState(backing, id, version);
    return { selections, train, validation, evaluations, previews };
  };
  await workOn(session, backing, id);
  const [first, firstAdapter, firstLast] = [await shown(), await adapterOf(), await lastOf()];
  expect(first.previews.map((p) => p.step)).toEqual([0, 1, 2]);
  expect(first.evaluations).toHaveLength(1);

  const picks = first.selections[0]?.picks ?? [];
  const others = picks.map(({ prompt, candidate }) => ({ prompt, candidate: 1 - candidate }));
  await chooseByHand(store, { round: 0, picks: others });
  const between = await loadRunState(backing, id);
  expect(between.summary).toMatchObject({ stage: 'train', status: 'paused' });
  expect(between.selections[0]).toEqual({ version: 1, round: 0, picks: others });
  expect(between.train).toEqual([]);
  await workOn(session, backing, id);
  const second = await shown();
  expect(second.train).toHaveLength(2);
  expect(await lastOf()).not.toEqual(firstLast);

  // A reload: everything is read from the disk again.
  expect(await shown(0)).toEqual(first);
  expect(await shown(1)).toEqual(second);
  expect(await adapterOf(0)).toEqual(firstAdapter);
  expect(await lastOf(0)).toEqual(firstLast);
  expect((await loadRunState(backing, id)).versions).toMatchObject([
    { version: 0, steps: 2, evaluated: true },
    { version: 1, steps: 2, evaluated: true },
  ]);

  // Chosen back, the first version is in force again, and nothing of it is trained anew.
  await chooseByHand(store, { round: 0, picks });
  const events: string[] = [];
  await workOn(session, backing, id, {
    events: { push: (e: { type: string }) => events.push(e.type) } as never,
  });
  expect(events).not.toContain('train');
  expect(await shown()).toEqual(first);
  expect(await lastOf(1)).not.toEqual(firstLast);
});

it('a selection that nothing was made from is replaced', async () => {
  const { backing } = new MemoryDisk();
  const id = await createNodeRun(backing, { selection: { candidates: 2 } });
  await workOn(session, backing, id, { until: 'select' });
  const store = openRunStore(backing, id);
  const picks = [{ prompt: 0, candidate: 1 }];
  await chooseByHand(store, { round: 0, picks });
  expect((await store.load()).selections).toEqual([{ version: 0, round: 0, picks }]);
});

it('what was made from a selection stays its own, also where its training states are lost', async () => {
  const disk = new MemoryDisk();
  const { backing } = disk;
  const id = await createNodeRun(backing, {
    selection: { candidates: 2 },
    training: { iterations: 2, previewEvery: 1 },
  });
  await workOn(session, backing, id);
  const first = await loadRunState(backing, id);
  for (const path of disk.paths().filter((name) => name.includes('/checkpoint-')))
    await backing.files.removeTree(path);
  const picks = first.selections[0]?.picks ?? [];
  const others = picks.map(({ prompt, candidate }) => ({ prompt, candidate: 1 - candidate }));
  await chooseByHand(openRunStore(backing, id), { round: 0, picks: others });
  const between = await loadRunState(backing, id);
  expect(between.selections).toEqual([{ version: 1, round: 0, picks: others }]);
  expect([between.train, between.evaluations, between.previews]).toEqual([[], [], []]);
  const { evaluations, previews } = await loadRunState(backing, id, 0);
  expect({ evaluations, previews }).toEqual({ evaluations: first.evaluations, previews: first.previews });
});

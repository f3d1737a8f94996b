// Runs that earlier versions of the page stored open and go on, to the numbers that those versions came to.

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { writeAdapter } from '../../../src/adapters/file.ts';
import { restoreAdapter } from '../../../src/adapters/state.ts';
import { loadRunState } from '../../../src/jobs/runState.ts';
import { adapterOfRun } from '../../../src/jobs/trained.ts';
import type { Session } from '../../../src/procedures/session.ts';
import { trainedTargets } from '../../../src/procedures/trainRound.ts';
import { openRunStore } from '../../../src/storage/runStore.ts';
import { openNodeSession, workOn } from '../../helpers/nodeStudio.ts';
import { readVersion1, revive, version1Disk } from '../../helpers/version1.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const fixture = readVersion1();

let session: Session;
beforeAll(async () => {
  session = await openNodeSession();
});

const diskOf = (name: string) => version1Disk(fixture, name);

describe('a run of version 1', () => {
  it.each(['building', 'training', 'done'])('that was %s opens and comes to its end', async (name) => {
    const { disk, id } = diskOf(name);
    const opened = await loadRunState(disk.backing, id);
    expect(opened.candidates.length).toBe(name === 'building' ? 5 : 15);
    expect(opened.summary).toMatchObject({ status: name === 'done' ? 'done' : 'paused' });
    const before = await openRunStore(disk.backing, id).checkpoints.list();
    expect(before.map((c) => c.step)).toEqual({ building: [], training: [4], done: [5] }[name]);
    await workOn(session, disk.backing, id);

    const { train, validation, candidates, selections } = await loadRunState(disk.backing, id);
    const expected = revive(fixture.outcome.state) as typeof opened;
    expect(train).toMatchObject(expected.train);
    expect(validation).toMatchObject(expected.validation);
    expect(selections).toMatchObject(expected.selections);
    expect(candidates.map((c) => [c.prompt, c.candidate, c.seed, c.score])).toEqual(
      expected.candidates.map((c) => [c.prompt, c.candidate, c.seed, c.score]),
    );
    const { adapter } = await adapterOfRun(openRunStore(disk.backing, id), 'best');
    const file = await writeAdapter(restoreAdapter(adapter, trainedTargets(session, false)), {});
    expect(tensorsOf(file)).toEqual(
      tensorsOf(Uint8Array.from(Buffer.from(fixture.outcome.adapter, 'base64'))),
    );
    expect(disk.keys().filter((key) => key.startsWith('checkpoint'))).toEqual([]);
  });

  it.each(['renoised', 'second round'])('with %s opens and goes on', async (name) => {
    const { disk, id } = diskOf(name);
    const { candidates } = await loadRunState(disk.backing, id);
    expect(candidates.length).toBeGreaterThan(3);
    await workOn(session, disk.backing, id);
    const done = await loadRunState(disk.backing, id);
    expect(done.summary.status).toBe('done');
    expect(done.candidates.slice(0, candidates.length)).toEqual(expect.arrayContaining([...candidates]));
    expect(done.warnings.map(({ code }) => code)).not.toContain('run-incomplete');
  });

  it('whose best state was an earlier one keeps both', async () => {
    const { disk, id } = diskOf('training');
    disk.damageRecord(`checkpoint:${id}:best`, (value) => ({ ...(value as object), step: 2 }));
    const store = openRunStore(disk.backing, id);
    await store.load();
    const stored = await store.checkpoints.list();
    expect(stored.map(({ step, best, resumable }) => ({ step, best, resumable }))).toEqual([
      { step: 4, best: 2, resumable: true },
      { step: 2, best: 2, resumable: false },
    ]);
    expect(await adapterOfRun(store, 'best')).toMatchObject({ step: 2 });
    await workOn(session, disk.backing, id);
    expect((await loadRunState(disk.backing, id)).summary.status).toBe('done');
  });

  it('is brought up to date once, wherever that is cut off', async () => {
    const { disk, id } = diskOf('training');
    const start = disk.operations;
    await openRunStore(disk.backing, id).load();
    const operations = disk.operations - start;
    expect(operations).toBeGreaterThan(10);
    for (let cut = 0; cut < operations; cut++) {
      const { disk: cutDisk } = diskOf('training');
      cutDisk.cutAfter(cut);
      await expect(openRunStore(cutDisk.backing, id).load()).rejects.toThrow('the power is gone');
      cutDisk.restart({ random: () => 0.1, records: 0, files: 0 });
      const store = openRunStore(cutDisk.backing, id);
      expect(await store.load()).toMatchObject({ version: 2, stage: 'train' });
      expect((await store.checkpoints.list())[0]).toMatchObject({ step: 4, best: 4 });
      expect(await store.series.load('train')).toHaveLength(4);
    }
  });
});

/** The numbers of a safetensors file, without its header, which names the version that wrote it. */
function tensorsOf(file: Uint8Array): Uint8Array {
  const header = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return file.slice(8 + header);
}

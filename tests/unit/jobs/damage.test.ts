// What a run does about damage: it says so, computes again what was lost, and comes to the same end.

import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { JobEvent, StageName } from '../../../src/contract/events.ts';
import type { RunState } from '../../../src/contract/runTypes.ts';
import { loadRunState } from '../../../src/jobs/runState.ts';
import { adapterOfRun } from '../../../src/jobs/trained.ts';
import type { Session } from '../../../src/procedures/session.ts';
import { openRunStore } from '../../../src/storage/runStore.ts';
import { listRunRecords, recoverRun } from '../../../src/storage/runs.ts';
import { MemoryDisk } from '../../helpers/memoryDisk.ts';
import { createNodeRun, openNodeSession, workOn } from '../../helpers/nodeStudio.ts';
import type { SpecChange } from '../../helpers/runSpec.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const SHORT: SpecChange = { selection: { candidates: 2 }, training: { iterations: 4 } };

let session: Session;
let whole: Outcome;
beforeAll(async () => {
  session = await openNodeSession();
  const { disk, id } = await begin('done');
  whole = await outcome(disk, id);
});

type Outcome = Pick<RunState, 'candidates' | 'selections' | 'train' | 'validation' | 'evaluations'> & {
  readonly adapter: readonly Float32Array[];
};

async function begin(until: StageName): Promise<{ disk: MemoryDisk; id: string }> {
  const disk = new MemoryDisk();
  const id = await createNodeRun(disk.backing, SHORT);
  await workOn(session, disk.backing, id, { until });
  return { disk, id };
}

async function outcome(disk: MemoryDisk, id: string): Promise<Outcome> {
  const { candidates, selections, train, validation, evaluations, summary } = await loadRunState(
    disk.backing,
    id,
  );
  expect(summary.status).toBe('done');
  const { adapter } = await adapterOfRun(openRunStore(disk.backing, id), 'best');
  return { candidates, selections, train, validation, evaluations, adapter: adapter.tensors };
}

const warningsOf = async (disk: MemoryDisk, id: string): Promise<string[]> =>
  (await loadRunState(disk.backing, id)).warnings.map(({ code }) => code);

function flip(at: number | 'middle'): (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> {
  return (bytes) => {
    const place = at === 'middle' ? bytes.byteLength >> 1 : (at + bytes.byteLength) % bytes.byteLength;
    bytes[place] = (bytes[place] as number) ^ 4;
    return bytes;
  };
}

const pool = (id: string): string => `runs/${id}/pool-0.bin`;
const states = (disk: MemoryDisk): string[] => disk.paths().filter((path) => path.includes('/checkpoint-'));

describe('damage to the pool', () => {
  it.each(['select', 'evaluate'] as const)('before the stage after %s is drawn again', async (until) => {
    const { disk, id } = await begin(until);
    disk.damage(pool(id), flip('middle'));
    const events: JobEvent[] = [];
    await workOn(session, disk.backing, id, { events });
    expect(await outcome(disk, id)).toEqual(whole);
    expect(await warningsOf(disk, id)).toContain('pool-record-damaged');
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        report: expect.objectContaining({ code: 'pool-record-damaged' }),
      }),
    );
  });

  it('that is seen first when the run is opened is said, and the run goes on', async () => {
    const { disk, id } = await begin('train');
    disk.damage(pool(id), flip('middle'));
    expect((await loadRunState(disk.backing, id)).warnings.map(({ code }) => code)).toEqual([
      'pool-record-damaged',
    ]);
    expect(await warningsOf(disk, id)).toEqual(['pool-record-damaged']);
    await workOn(session, disk.backing, id);
    expect(await outcome(disk, id)).toEqual(whole);
  });

  it.each([
    ['all of it', (bytes: Uint8Array<ArrayBuffer>) => bytes.fill(0)],
    ['its end', (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, bytes.byteLength - 1000)],
    ['its header', flip(20)],
  ])('that takes %s', async (_, change) => {
    const { disk, id } = await begin('train');
    disk.damage(pool(id), change);
    await workOn(session, disk.backing, id);
    expect(await outcome(disk, id)).toEqual(whole);
    expect(await warningsOf(disk, id)).toHaveLength(1);
  });

  it('of a finished run is said when it is opened, and mended when it is continued', async () => {
    const { disk, id } = await begin('done');
    disk.damage(pool(id), flip('middle'));
    const opened = await loadRunState(disk.backing, id);
    expect(opened.candidates).toHaveLength(9);
    expect(opened.summary.status).toBe('paused');
    expect(opened.warnings.map(({ code }) => code)).toEqual(['pool-record-damaged', 'run-incomplete']);
    await workOn(session, disk.backing, id);
    expect(await outcome(disk, id)).toEqual(whole);
  });
});

it.each(['gone', 'empty'] as const)('a pool that is %s is said to be, and drawn again', async (how) => {
  const { disk, id } = await begin('train');
  if (how === 'gone') await disk.backing.files.removeTree(pool(id));
  else disk.damage(pool(id), (bytes) => bytes.slice(0, 0));
  await workOn(session, disk.backing, id);
  expect(await outcome(disk, id)).toEqual(whole);
  expect(await warningsOf(disk, id)).toEqual(['pool-lost']);
});

it('a run that stops before its first image is stored has lost nothing', async () => {
  const disk = new MemoryDisk();
  const id = await createNodeRun(disk.backing, SHORT);
  const stopAt = (event: JobEvent) => event.type === 'progress' && event.done > 0;
  await workOn(session, disk.backing, id, { stopAt }).catch(() => undefined);
  const { candidates, summary } = await loadRunState(disk.backing, id);
  expect([candidates.length, summary.progress > 0]).toEqual([0, true]);
  await workOn(session, disk.backing, id);
  expect(await outcome(disk, id)).toEqual(whole);
  expect(await warningsOf(disk, id)).toEqual([]);
});

it('an image of training that was not drawn yet when the run stopped is drawn when it goes on', async () => {
  const disk = new MemoryDisk();
  const id = await createNodeRun(disk.backing, { ...SHORT, training: { iterations: 4, previewEvery: 2 } });
  const stopAt = (event: JobEvent) => event.type === 'checkpoint' && event.step === 4;
  await workOn(session, disk.backing, id, { stopAt }).catch(() => undefined);
  await workOn(session, disk.backing, id);
  expect((await loadRunState(disk.backing, id)).previews.map(({ step }) => step)).toEqual([0, 2, 4]);
});

it('an image of training that is damaged is left out, and said to be', async () => {
  const disk = new MemoryDisk();
  const id = await createNodeRun(disk.backing, { ...SHORT, training: { iterations: 4, previewEvery: 2 } });
  await workOn(session, disk.backing, id);
  const [first] = disk.paths().filter((path) => path.includes('/previews/'));
  disk.damage(first as string, flip('middle'));
  const { previews, warnings } = await loadRunState(disk.backing, id);
  expect(previews.map(({ step }) => step)).toEqual([2, 4]);
  expect(warnings.map(({ code }) => code)).toEqual(['preview-damaged']);
});

describe('damage to training states', () => {
  const perState = [0, 1, 2].flatMap((back) => [30, 'middle' as const, -3].map((at) => [back, at] as const));

  it.each(perState)('state %i from the end, byte %s: training goes on from one before', async (back, at) => {
    const { disk, id } = await begin('train');
    const stored = await openRunStore(disk.backing, id).checkpoints.list();
    disk.damage(`runs/${id}/checkpoint-${stored[back]?.slot}.bin`, flip(at));
    await workOn(session, disk.backing, id);
    expect(await outcome(disk, id)).toEqual(whole);
  });

  it('all of them: the round is trained again', async () => {
    const { disk, id } = await begin('train');
    for (const path of states(disk)) disk.damage(path, flip('middle'));
    await workOn(session, disk.backing, id);
    expect(await outcome(disk, id)).toEqual(whole);
    expect(await warningsOf(disk, id)).toContain('checkpoint-damaged');
  });

  it('of a finished run: no other adapter is handed out, and it is trained again', async () => {
    const { disk, id } = await begin('done');
    for (const path of states(disk)) disk.damage(path, flip(-20));
    await expect(adapterOfRun(openRunStore(disk.backing, id), 'best')).rejects.toMatchObject({
      code: 'adapter-damaged',
    });
    expect((await loadRunState(disk.backing, id)).summary.status).toBe('paused');
    await workOn(session, disk.backing, id);
    expect(await outcome(disk, id)).toEqual(whole);
  });
});

describe('damage to the database', () => {
  it.each(['run', 'run-part', 'run-series'] as const)('in %s records is mended', async (kind) => {
    const { disk, id } = await begin('train');
    for (const key of disk.keys().filter((k) => k.startsWith(`${kind}:`)))
      disk.damageRecord(key as `run:${string}`, (value) => {
        const sealed = value as { crc: number };
        return { ...sealed, crc: sealed.crc ^ 1 };
      });
    await workOn(session, disk.backing, id);
    expect(await outcome(disk, id)).toEqual(whole);
    expect(await warningsOf(disk, id)).toContain(
      kind === 'run-series' ? 'run-history-damaged' : 'run-record-restored',
    );
  });

  it.each(['pool', 'train', 'done'] as const)(
    'that empties it after %s: the run is found by its files and recovered',
    async (until) => {
      const { disk, id } = await begin(until);
      disk.restart({ random: () => 0.5, records: 'all', files: 0 });
      const { runs, lost } = await listRunRecords(disk.backing);
      expect([runs, lost.map((run) => run.id)]).toEqual([[], [id]]);
      await recoverRun(disk.backing, id);
      expect(await listRunRecords(disk.backing)).toMatchObject({ runs: [{ id }], lost: [] });
      await workOn(session, disk.backing, id);
      expect(await outcome(disk, id)).toEqual(whole);
    },
  );
});

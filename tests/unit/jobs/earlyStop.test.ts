// Early stopping in a run: who is stopped, that the others are what they would have been, and that a run that was
// interrupted anywhere comes to the same end.

import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { JobEvent } from '../../../src/contract/events.ts';
import type { RunState } from '../../../src/contract/runTypes.ts';
import { countEvaluations } from '../../../src/jobs/countEvaluations.ts';
import { loadRunState } from '../../../src/jobs/runState.ts';
import type { Session } from '../../../src/procedures/session.ts';
import { openRunStore } from '../../../src/storage/runStore.ts';
import { recoverRun } from '../../../src/storage/runs.ts';
import { MemoryDisk, PowerCut } from '../../helpers/memoryDisk.ts';
import { createNodeRun, openNodeSession, workOn } from '../../helpers/nodeStudio.ts';
import { redness } from '../../helpers/redness.ts';
import type { SpecChange } from '../../helpers/runSpec.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** One step of three, two of four candidates, two at once; one of the two prompts is held out. */
const THINNED: SpecChange = {
  prompts: ['a red cat', 'the dog'],
  selection: { candidates: 4, earlyStop: true },
  training: { iterations: 1, validationShare: 0.5 },
};

let session: Session;
let whole: RunState;
let thinned: RunState;
beforeAll(async () => {
  session = await openNodeSession();
  whole = (await draw({ ...THINNED, selection: { candidates: 4 } })).state;
  thinned = (await draw(THINNED)).state;
});

async function draw(change: SpecChange): Promise<{ state: RunState; disk: MemoryDisk; id: string }> {
  const disk = new MemoryDisk();
  const id = await createNodeRun(disk.backing, change);
  await workOn(session, disk.backing, id, { until: 'select' });
  return { state: await loadRunState(disk.backing, id), disk, id };
}

const keyOf = (c: { prompt: number; candidate: number }): string => `${c.prompt}/${c.candidate}`;
const outcomeOf = ({ candidates, stopped, selections }: RunState) => ({
  candidates,
  stopped: stopped.toSorted((a, b) => a.prompt - b.prompt || a.candidate - b.candidate),
  selections,
});

describe('a pool that is thinned out', () => {
  it('stops the half of a prompt that trains with the lower first term, and no image of a held-out one', () => {
    const [heldOut] = thinned.heldOut as [number];
    const trained = 1 - heldOut;
    const first = whole.candidates
      .filter((c) => c.prompt === trained)
      .toSorted((a, b) => (a.trace.squaredDifference[0] ?? 0) - (b.trace.squaredDifference[0] ?? 0));
    expect(outcomeOf(thinned).stopped.map(keyOf)).toEqual(first.slice(0, 2).map(keyOf).sort());
    expect(thinned.candidates.filter((c) => c.prompt === heldOut)).toHaveLength(4);
    for (const { score } of thinned.stopped) expect(score).toBeGreaterThan(0);
  });

  it('has the same images and scores as one that is drawn whole', () => {
    const stopped = new Set(thinned.stopped.map(keyOf));
    expect(thinned.candidates).toEqual(whole.candidates.filter((c) => !stopped.has(keyOf(c))));
  });

  it('is counted by what was evaluated', () => {
    // Three steps with and without the prompt, six images whole and two after one step.
    expect(countEvaluations(thinned).sampling).toBe(6 * 6 + 2 * 2);
    expect(countEvaluations(whole).sampling).toBe(8 * 6);
  });

  it('tells of those that are stopped before it stores one that goes on, and of all progress', async () => {
    const disk = new MemoryDisk();
    const id = await createNodeRun(disk.backing, THINNED);
    const events: JobEvent[] = [];
    await workOn(session, disk.backing, id, { until: 'pool', events });
    const [heldOut] = thinned.heldOut;
    const trained = 1 - (heldOut as number);
    const told = events.flatMap((e): (string | number)[] => {
      if (e.type === 'stopped-early') return ['stopped'];
      return e.type === 'candidates' ? e.records.map((r) => r.prompt) : [];
    });
    expect(told.filter((t) => t !== heldOut)).toEqual(['stopped', trained, trained]);
    const progress = events.flatMap((e) => (e.type === 'progress' ? [e] : []));
    expect(progress.every(({ total, done }) => total === 8 && done <= 8)).toBe(true);
    expect(progress.map(({ done }) => done)).toEqual(
      progress.map(({ done }) => done).toSorted((a, b) => a - b),
    );
    expect(progress.at(-1)?.done).toBeCloseTo(8, 9);
  });

  it.each([1, 4])('is the same in batches of %i', async (batch) => {
    const { state } = await draw({ ...THINNED, sampling: { batch } });
    expect(outcomeOf(state)).toEqual(outcomeOf(thinned));
  });

  it.each(['pndm', 'dpmpp2m', 'euler'] as const)('has the same images with %s', async (scheduler) => {
    const change = { ...THINNED, sampling: { scheduler, steps: 5 } };
    const { state } = await draw(change);
    const { state: all } = await draw({ ...change, selection: { candidates: 4 } });
    const stopped = new Set(state.stopped.map(keyOf));
    expect(stopped.size).toBe(2);
    expect(state.candidates).toEqual(all.candidates.filter((c) => !stopped.has(keyOf(c))));
  });

  it('leaves the images by which an adapter is judged as they are', async () => {
    const pictures = async (earlyStop: boolean) => {
      const disk = new MemoryDisk();
      const id = await createNodeRun(disk.backing, { ...THINNED, selection: { candidates: 4, earlyStop } });
      await workOn(session, disk.backing, id, { meters: [redness] });
      const [evaluation] = (await loadRunState(disk.backing, id)).evaluations;
      return evaluation?.metrics.exact?.before;
    };
    const found = await pictures(true);
    expect(found?.images).toBe(4);
    expect(found).toEqual(await pictures(false));
  });

  it('in a later round is one of that round', async () => {
    const disk = new MemoryDisk();
    const id = await createNodeRun(disk.backing, {
      ...THINNED,
      selection: { candidates: 4, rounds: 2, earlyStop: true },
    });
    await workOn(session, disk.backing, id);
    const { stopped, candidates, summary } = await loadRunState(disk.backing, id);
    expect(summary.status).toBe('done');
    expect([0, 1].map((round) => stopped.filter((c) => c.round === round).length)).toEqual([2, 2]);
    expect(candidates).toHaveLength(12);
  });
});

describe('a thinned run comes to the same end', () => {
  it('wherever the power is cut while it draws', async () => {
    const start = new MemoryDisk();
    const startId = await createNodeRun(start.backing, THINNED);
    const before = start.operations;
    await workOn(session, start.backing, startId, { until: 'select' });
    const operations = start.operations - before;
    expect(operations).toBeGreaterThan(20);
    for (let cut = 0; cut < operations; cut++) {
      const disk = new MemoryDisk();
      const id = await createNodeRun(disk.backing, THINNED);
      disk.cutAfter(cut);
      await expect(workOn(session, disk.backing, id, { until: 'select' })).rejects.toBeInstanceOf(PowerCut);
      disk.restart({ random: () => 0.5, records: 0, files: 0 });
      await workOn(session, disk.backing, id, { until: 'select' });
      expect(outcomeOf(await loadRunState(disk.backing, id))).toEqual(outcomeOf(thinned));
    }
  });

  it('where it is stopped by hand at every step', async () => {
    const disk = new MemoryDisk();
    const id = await createNodeRun(disk.backing, THINNED);
    let stays = 0;
    for (let done = 0; stays < 100; stays++) {
      let steps = 0;
      const stopAt = (event: JobEvent): boolean =>
        event.type === 'stopped-early' || (event.type === 'progress' && event.done > done && ++steps > 2);
      const ended = await workOn(session, disk.backing, id, { until: 'select', stopAt }).then(
        () => true,
        () => false,
      );
      if (ended) break;
      const { candidates, stopped } = await loadRunState(disk.backing, id);
      done = candidates.length + stopped.length;
    }
    expect(stays).toBeGreaterThan(2);
    const state = await loadRunState(disk.backing, id);
    expect(outcomeOf(state)).toEqual(outcomeOf(thinned));
    expect(state.warnings).toEqual([]);
  });

  it.each([1, 2, 3, 4, 6])('where the disk forgets %i of its last records and files', async (lost) => {
    const { disk, id } = await draw(THINNED);
    disk.restart({ random: () => 0.5, records: lost, files: lost });
    await workOn(session, disk.backing, id, { until: 'select' });
    expect(outcomeOf(await loadRunState(disk.backing, id))).toEqual(outcomeOf(thinned));
  });

  it('where the records of the stopped are damaged', async () => {
    const { disk, id } = await draw(THINNED);
    const [key] = disk.keys().filter((k) => k.includes(':stopped:'));
    disk.damageRecord(key as `run:${string}`, (value) => ({ ...(value as object), crc: 1 }));
    const opened = await loadRunState(disk.backing, id);
    expect(opened.stopped).toEqual([]);
    expect(opened.warnings.map(({ code }) => code)).toEqual(['run-history-damaged']);
    await workOn(session, disk.backing, id);
    expect(outcomeOf(await loadRunState(disk.backing, id))).toEqual(outcomeOf(thinned));
  });

  it('where one of the records of the stopped is gone', async () => {
    const { disk, id } = await draw(THINNED);
    const { series } = openRunStore(disk.backing, id);
    await series.replace('stopped', (await series.load('stopped')).slice(1));
    await workOn(session, disk.backing, id);
    expect(outcomeOf(await loadRunState(disk.backing, id))).toEqual(outcomeOf(thinned));
  });

  it('where its pool is gone, or its database', async () => {
    const pool = await draw(THINNED);
    await pool.disk.backing.files.removeTree(`runs/${pool.id}/pool-0.bin`);
    await workOn(session, pool.disk.backing, pool.id);
    expect(outcomeOf(await loadRunState(pool.disk.backing, pool.id))).toEqual(outcomeOf(thinned));
    const { disk, id } = await draw(THINNED);
    disk.restart({ random: () => 0.5, records: 'all', files: 0 });
    await recoverRun(disk.backing, id);
    await workOn(session, disk.backing, id);
    expect(outcomeOf(await loadRunState(disk.backing, id))).toEqual(outcomeOf(thinned));
  });

  it('a finished one of which the stopped are forgotten says so and is mended', async () => {
    const { disk, id } = await draw(THINNED);
    await workOn(session, disk.backing, id);
    expect((await loadRunState(disk.backing, id)).summary.status).toBe('done');
    await openRunStore(disk.backing, id).series.replace('stopped', []);
    const opened = await loadRunState(disk.backing, id);
    expect(opened.summary.status).toBe('paused');
    expect(opened.warnings.map(({ code }) => code)).toContain('run-incomplete');
    await workOn(session, disk.backing, id);
    expect(outcomeOf(await loadRunState(disk.backing, id))).toEqual(outcomeOf(thinned));
  });
});

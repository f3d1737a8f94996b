// Methods that are rewarded: DPOK, which draws while it trains, and what rewards come from.

import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { JobEvent } from '../../../src/contract/events.ts';
import { candidateImageName } from '../../../src/jobs/exports.ts';
import { importScores } from '../../../src/jobs/importScores.ts';
import type { Session } from '../../../src/procedures/session.ts';
import type { Backing } from '../../../src/storage/backing.ts';
import { openRunStore } from '../../../src/storage/runStore.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { MemoryDisk } from '../../helpers/memoryDisk.ts';
import { createNodeRun, openNodeSession, workOn } from '../../helpers/nodeStudio.ts';
import { redness } from '../../helpers/redness.ts';
import type { SpecChange } from '../../helpers/runSpec.ts';

vi.setConfig({ testTimeout: 60_000 });

let session: Session;
beforeAll(async () => {
  session = await openNodeSession();
});

const change = (
  name: string,
  options: Record<string, number | string>,
  more: SpecChange = {},
): SpecChange => ({
  method: { name, options },
  selection: { candidates: 2 },
  training: { iterations: 5, accumulation: 2, checkpointEvery: 2 },
  ...more,
});
const online = { samples: 3, kept: 5, policySteps: 2, rewardWeight: 100 };

/** The training states and steps that a run ends with. */
async function outcome(backing: Backing, id: string) {
  const store = openRunStore(backing, id);
  const [last] = await store.checkpoints.list();
  const state = (await store.checkpoints.load(last as NonNullable<typeof last>)) as { checkpoint: unknown };
  return { steps: await store.series.load('train'), checkpoint: state.checkpoint };
}

describe('DPOK', () => {
  it.each([
    ['by MI', { reward: 'mi' }, {}],
    [
      'by a metric, with the text encoder',
      { reward: 'exact' },
      { adapter: { kind: 'lora', textEncoder: true } },
    ],
    ['with a sampler that adds no noise', { reward: 'mi' }, { sampling: { scheduler: 'ddim' } }],
  ] as const)('%s gives the same bits however often it is stopped', async (_, options, more) => {
    const { backing } = new MemoryDisk();
    const meters = [redness];
    const whole = await createNodeRun(backing, change('dpok', { ...online, ...options }, more));
    await workOn(session, backing, whole, { meters, until: 'train' });
    const stopped = await createNodeRun(backing, change('dpok', { ...online, ...options }, more));
    for (const step of [1, 4]) {
      const stopAt = (e: JobEvent): boolean => e.type === 'train' && e.record.step === step;
      await expect(workOn(session, backing, stopped, { meters, stopAt })).rejects.toThrow();
    }
    await workOn(session, backing, stopped, { meters, until: 'train' });
    const expected = await outcome(backing, whole);
    expect(expected.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect(expected.steps.every(({ gradNorm }) => gradNorm > 0)).toBe(true);
    expect(await outcome(backing, stopped)).toEqual(expected);
  });

  it('frees what it draws', async () => {
    const { backing } = new MemoryDisk();
    const run = async (): Promise<void> => {
      const id = await createNodeRun(backing, change('dpok', online));
      await workOn(session, backing, id, { until: 'train' });
    };
    await run();
    const before = tf.memory().numTensors;
    await run();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a reward', () => {
  it('that nothing measures is missed before anything is drawn', async () => {
    const { backing } = new MemoryDisk();
    const id = await createNodeRun(backing, change('gors', { reward: 'exact' }));
    await expect(workOn(session, backing, id)).rejects.toMatchObject({ code: 'reward-not-measured' });
    expect(await openRunStore(backing, id).series.load('scores')).toEqual([]);
    await workOn(session, backing, id, { meters: [redness], until: 'pool' });
    // GORS reads what is stored; DPOK has to measure what it draws.
    await workOn(session, backing, id, { until: 'select' });
    const drawing = await createNodeRun(backing, change('dpok', { ...online, reward: 'exact' }));
    await expect(workOn(session, backing, drawing)).rejects.toMatchObject({ code: 'reward-not-measured' });
  });

  it.each(['gors', 'hn-itm', 'dpok'])('of a file trains %s once the file is read', async (name) => {
    const { backing } = new MemoryDisk();
    const options = {
      reward: 'file',
      ...(name === 'gors' ? { threshold: 0.1 } : name === 'dpok' ? online : {}),
    };
    const id = await createNodeRun(backing, change(name, options));
    await expect(workOn(session, backing, id)).rejects.toMatchObject({ code: 'rewards-missing' });
    const store = openRunStore(backing, id);
    const scores = await store.series.load('scores');
    expect(scores).toHaveLength(10);
    const lines = scores.map((entry) => `${candidateImageName(entry)},${entry.candidate / 2}`);
    await importScores(store, 0, {
      text: ['image,taste', ...lines].join('\n'),
      source: 'scores.csv',
      hashesOf: async () => [],
    });
    await workOn(session, backing, id, { until: 'train' });
    expect(await store.series.load('train')).toHaveLength(5);
    const trained = (await store.load()).selections[0]?.picks ?? [];
    if (name !== 'dpok') expect(new Set(trained.map(({ candidate }) => candidate))).toContain(1);
  });
});

// An engine worker with a tiny model, and specs of runs that are done in seconds.

import type { BackendName } from '../../../src/contract/backend.ts';
import type { JobEvent, StageName } from '../../../src/contract/events.ts';
import type { RunState } from '../../../src/contract/runTypes.ts';
import type { MiTuneSpec, ModelRef } from '../../../src/contract/spec.ts';
import { EngineClient } from '../../../src/engine/client.ts';
import { tinyFiles } from '../networks/tinyModel.ts';

export type Studio = {
  readonly client: EngineClient;
  readonly model: ModelRef;
  /** A stored run with the spec; changes are merged one level deep. */
  create(change?: SpecChange): Promise<string>;
  run(runId: string, until?: StageName): Promise<JobEvent[]>;
  /** Works on the run until an event is met, then pauses it. */
  runUntilEvent(runId: string, met: (event: JobEvent) => boolean): Promise<JobEvent[]>;
  state(runId: string): Promise<RunState>;
  dispose(): Promise<void>;
};

export type SpecChange = {
  readonly [K in keyof MiTuneSpec]?: MiTuneSpec[K] extends object ? Partial<MiTuneSpec[K]> : MiTuneSpec[K];
};

/** Five lines with four texts; one text is held out. */
export const PROMPTS = ['a red cat', 'the dog', 'a red cat', 'one bird', 'no fish'] as const;

export async function openStudio(backend: BackendName): Promise<Studio> {
  const client = new EngineClient();
  const runs: string[] = [];
  await client.call('open', { backend });
  const files = [...tinyFiles()].map(([path, bytes]) => ({
    path,
    file: new Blob([bytes as Uint8Array<ArrayBuffer>]),
  }));
  const { id } = await client.call('importModel', { name: 'tiny', files });
  const model = { kind: 'local', id } as const;
  await client.call('loadModel', { ref: model });
  const listen = (runId: string, onEvent: (event: JobEvent) => void): (() => void) =>
    client.onEvent((id, event) => {
      if (id === runId) onEvent(event);
    });
  const work = async (
    runId: string,
    until: StageName,
    onEvent: (event: JobEvent) => void,
  ): Promise<JobEvent[]> => {
    const events: JobEvent[] = [];
    const end = listen(runId, (event) => {
      events.push(event);
      onEvent(event);
    });
    try {
      await client.call('run', { runId, until });
    } finally {
      end();
    }
    return events;
  };
  return {
    client,
    model,
    create: async (change = {}) => {
      const { id } = await client.call('createRun', { spec: specOf(model, backend, change), name: 'test' });
      runs.push(id);
      return id;
    },
    run: (runId, until = 'done') => work(runId, until, () => undefined),
    runUntilEvent: async (runId, met) => {
      let pausing: Promise<unknown> | null = null;
      const events = await work(runId, 'done', (event) => {
        if (pausing === null && met(event)) pausing = client.call('pause', {});
      });
      await pausing;
      return events;
    },
    state: (runId) => client.call('runState', { runId }),
    dispose: async () => {
      for (const runId of runs) await client.call('deleteRun', { runId });
      client.dispose();
    },
  };
}

function specOf(model: ModelRef, backend: BackendName, change: SpecChange): MiTuneSpec {
  const base: MiTuneSpec = {
    version: 1,
    preset: 'custom',
    model,
    prompts: PROMPTS,
    seed: 7,
    backend,
    sampling: { scheduler: 'ddpm', steps: 3, guidance: 3, batch: 2, size: null },
    score: { estimator: 'orthogonal', path: 'guided', weights: 'code', truncation: 50, noiseDraws: 2 },
    selection: { candidates: 3, keep: 1, rounds: 1, duplicates: 'keep', seeds: 'distinct' },
    adapter: { kind: 'dora', rank: 2, textEncoder: false },
    training: {
      iterations: 5,
      batch: 2,
      accumulation: 1,
      learningRate: 1e-2,
      warmup: 0,
      clip: 1,
      weightDecay: 1e-2,
      flushAtEpochEnd: false,
      freshAdapterEachRound: false,
      validationShare: 0.25,
      checkpointEvery: 2,
      previewEvery: 0,
    },
    realImages: null,
  };
  const merged = Object.entries(change).map(([key, value]) => {
    const old = base[key as keyof MiTuneSpec];
    const mergeable = isPlain(old) && isPlain(value);
    return [key, mergeable ? { ...old, ...value } : value];
  });
  return { ...base, ...Object.fromEntries(merged) } as MiTuneSpec;
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

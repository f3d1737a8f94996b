// An engine worker with a tiny model, and specs of runs that are done in seconds.

import type { BackendName } from '../../../src/contract/backend.ts';
import type { JobEvent, StageName } from '../../../src/contract/events.ts';
import type { RunState } from '../../../src/contract/runTypes.ts';
import type { ModelRef } from '../../../src/contract/spec.ts';
import { EngineClient } from '../../../src/engine/client.ts';
import { type SpecChange, specOf } from '../../helpers/runSpec.ts';
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

export async function openStudio(
  backend: BackendName,
  options: ConstructorParameters<typeof EngineClient>[0] = {},
): Promise<Studio> {
  const client = new EngineClient(options);
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

// A tiny model on wasm in node, and runs of it on a disk in memory: what stages do, without a browser.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { JobEvent, StageName } from '../../src/contract/events.ts';
import type { MiTuneSpec } from '../../src/contract/spec.ts';
import { runJob } from '../../src/jobs/runner.ts';
import type { Meter } from '../../src/metrics/metric.ts';
import { heldOutPrompts, planPrompts } from '../../src/planning/promptPlan.ts';
import { openSession, type Session } from '../../src/procedures/session.ts';
import type { Backing } from '../../src/storage/backing.ts';
import type { RunHead } from '../../src/storage/runRecord.ts';
import { openRunStore } from '../../src/storage/runStore.ts';
import { createRunRecord } from '../../src/storage/runs.ts';
import { openBackend } from '../../src/tensor/device.ts';
import { firstForms, setWasmForms } from '../../src/tensor/wasm/forms.ts';
import { loadTiny } from '../gpu/networks/tinyModel.ts';
import { type SpecChange, specOf } from './runSpec.ts';

const WASM = createRequire(import.meta.url)
  .resolve('@tensorflow/tfjs-backend-wasm/package.json')
  .replace('package.json', 'dist/');

/** Opens wasm in node, where files are no addresses, and the tiny model on it. */
export async function openNodeSession(): Promise<Session> {
  await openNodeWasm();
  return openSession(await loadTiny());
}

/** Opens wasm in node. */
export async function openNodeWasm(): Promise<void> {
  const { fetch: original } = globalThis;
  globalThis.fetch = async (address) => new Response(readFileSync(String(address).replace(/^\//, '')));
  try {
    const name = (file: string) => `${WASM}${file}`;
    await openBackend('wasm', {
      wasmPaths: {
        'tfjs-backend-wasm.wasm': name('tfjs-backend-wasm.wasm'),
        'tfjs-backend-wasm-simd.wasm': name('tfjs-backend-wasm-simd.wasm'),
        'tfjs-backend-wasm-threaded-simd.wasm': name('tfjs-backend-wasm-threaded-simd.wasm'),
      },
    });
    // The same bits whatever this node has; runs that earlier versions stored are of these forms.
    setWasmForms(firstForms);
  } finally {
    globalThis.fetch = original;
  }
}

/** Stores a new run on a disk. */
export async function createNodeRun(backing: Backing, change: SpecChange = {}): Promise<string> {
  const spec: MiTuneSpec = specOf({ kind: 'local', id: 'tiny' }, 'wasm', change);
  const { id } = await createRunRecord(backing, {
    spec,
    name: 'test',
    heldOut: heldOutPrompts(planPrompts(spec)),
  });
  return id;
}

/** Works on a run; what it told by then is in `events`, also when it fails. */
export async function workOn(
  session: Session,
  backing: Backing,
  id: string,
  options: {
    readonly until?: StageName;
    readonly events?: JobEvent[];
    readonly meters?: readonly Meter[];
    /** Stops the run when true. */
    readonly stopAt?: (event: JobEvent) => boolean;
  } = {},
): Promise<RunHead> {
  const { until = 'done', events = [], meters = [], stopAt } = options;
  const stop = new AbortController();
  return runJob(until, {
    store: openRunStore(backing, id),
    session,
    backend: 'wasm',
    kernels: {},
    meters,
    now: () => 0,
    emit: (event) => {
      events.push(event);
      if (stopAt?.(event)) stop.abort();
    },
    signal: stop.signal,
  });
}

import type { StageName } from '../jobs/events.ts';
import { runJob } from '../jobs/runner.ts';
import { reportError, StudioError } from '../lib/errors.ts';
import type { RunHead } from '../storage/runRecord.ts';
import { loadRunRecord, saveRunRecord } from '../storage/runs.ts';
import type { RequestContext } from './handlers.ts';

/** A GPU that is lost again and again is not worth another try. */
const MAX_DEVICE_LOSSES = 3;

type Current = { readonly runId: string; readonly controller: AbortController; readonly finished: Promise<unknown> };

/** The job in work, if any. Networks run one thing at a time: a second one would only slow both. */
export class Work {
  #current: Current | null = null;
  #device = new AbortController();

  get runId(): string | null {
    return this.#current?.runId ?? null;
  }

  /** @throws StudioError `engine-busy` while a job runs */
  assertIdle(what: string): void {
    if (this.#current === null) return;
    throw new StudioError('engine-busy', `A run is being worked on; it is not possible to ${what} now.`, {
      remedy: 'Pause the run, or wait until it is done.',
    });
  }

  async start<T>(runId: string, outer: AbortSignal, job: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.assertIdle('start another');
    const controller = new AbortController();
    const finished = job(AbortSignal.any([controller.signal, outer]));
    this.#current = { runId, controller, finished };
    try {
      return await finished;
    } finally {
      this.#current = null;
    }
  }

  /** Stops the job and waits until it has stored what it has. */
  async stop(): Promise<void> {
    const current = this.#current;
    if (current === null) return;
    current.controller.abort();
    await current.finished.catch(() => undefined);
  }

  /** A signal that fires when the device is lost from now on. */
  watchDevice(): AbortSignal {
    this.#device = new AbortController();
    return this.#device.signal;
  }

  lose(error: StudioError): void {
    this.#device.abort(error);
  }
}

/**
 * Works on a run with its own backend and model. Pausing is not an error: the run's head is the answer. When the GPU
 * is lost the run goes on from what is stored, on a new device.
 * @throws StudioError of the stage that failed, after it was recorded
 */
export async function runOnEngine(context: RequestContext, runId: string, until: StageName): Promise<RunHead> {
  const { work, emit } = context;
  return work.start(runId, context.signal, async (signal) => {
    for (let losses = 0; ; losses++) {
      const lost = work.watchDevice();
      try {
        const head = await attempt(context, runId, until, AbortSignal.any([signal, lost]));
        emit(runId, { type: 'stopped', reason: head.status === 'done' ? 'done' : 'paused', report: null });
        return head;
      } catch (error) {
        const cause = lost.aborted ? lost.reason : error;
        if (signal.aborted) {
          emit(runId, { type: 'stopped', reason: 'paused', report: null });
          return saveRunRecord(runId, { status: 'paused' });
        }
        if (!lost.aborted || losses === MAX_DEVICE_LOSSES) {
          await saveRunRecord(runId, { status: 'failed' });
          emit(runId, { type: 'stopped', reason: 'failed', report: reportError(cause) });
          throw cause;
        }
        emit(runId, { type: 'warning', report: { ...reportError(cause), remedy: 'The run goes on from what is stored, on a new device.' } });
      }
    }
  });
}

async function attempt(context: RequestContext, runId: string, until: StageName, signal: AbortSignal): Promise<RunHead> {
  const { engine, emit } = context;
  const { spec } = await loadRunRecord(runId);
  if (spec.backend !== 'auto') await engine.open(spec.backend);
  emit(runId, { type: 'stage', stage: 'load', round: 0 });
  const onProgress = (done: number, total: number): void =>
    emit(runId, { type: 'progress', stage: 'load', done, total, unit: 'bytes', secondsLeft: null });
  await engine.load(spec.model, onProgress, signal);
  return runJob(runId, until, engine.jobTools((event) => emit(runId, event), signal));
}

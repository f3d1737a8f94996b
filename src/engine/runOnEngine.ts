import type { StageName } from '../contract/events.ts';
import type { JobTools } from '../jobs/runContext.ts';
import { runJob } from '../jobs/runner.ts';
import { type ErrorReport, reportError } from '../lib/errors.ts';
import { BROWSER } from '../storage/browser.ts';
import type { RunHead } from '../storage/runRecord.ts';
import { openRunStore, type RunStore } from '../storage/runStore.ts';
import { withRunLock } from '../storage/runs.ts';
import type { Engine } from './engine.ts';
import { assertSameModel } from './fingerprints.ts';
import type { RequestContext } from './requestContext.ts';

/** A GPU that is lost again and again is not worth another try. */
const MAX_DEVICE_LOSSES = 3;

/**
 * Works on a run with its own backend and model. Pausing is not an error: the run's head is the answer. When the GPU
 * is lost the run continues from what is stored, on a new device.
 * @throws StudioError of the stage that failed, after it was recorded
 */
export async function runOnEngine(
  context: RequestContext,
  runId: string,
  until: StageName,
): Promise<RunHead> {
  const { work } = context;
  return work.start(runId, context.signal, (signal) =>
    withRunLock(BROWSER, runId, () => persist(context, openRunStore(BROWSER, runId), until, signal)),
  );
}

/** Goes on after a lost device; records how the run stopped. */
async function persist(
  context: RequestContext,
  store: RunStore,
  until: StageName,
  signal: AbortSignal,
): Promise<RunHead> {
  const { engine, work, emit } = context;
  const { id: runId } = store;
  for (let losses = 0; ; losses++) {
    const lost = work.watchDevice();
    try {
      const head = await attempt(context, store, until, AbortSignal.any([signal, lost]));
      emit(runId, { type: 'stopped', reason: head.status === 'done' ? 'done' : 'paused', report: null });
      return head;
    } catch (error) {
      if (signal.aborted) {
        emit(runId, { type: 'stopped', reason: 'paused', report: null });
        return store.save({ status: 'paused' });
      }
      const cause = await engine.device.causeOf(error, lost);
      if (!lost.aborted || losses === MAX_DEVICE_LOSSES) {
        // On a full disk this fails too; the cause is what the user has to hear of.
        await store.save({ status: 'failed' }).catch(() => undefined);
        emit(runId, { type: 'stopped', reason: 'failed', report: reportError(cause) });
        throw cause;
      }
      emit(runId, {
        type: 'warning',
        report: { ...reportError(cause), remedy: 'The run continues from what is stored, on a new device.' },
      });
    }
  }
}

/** @throws StudioError `model-changed` where the weights are not those that the run was begun with */
async function keepFingerprints(engine: Engine, store: RunStore, { weights = {} }: RunHead): Promise<void> {
  const found = await engine.fingerprints();
  assertSameModel(engine.session.model.name, weights, found);
  if (Object.keys(found).some((file) => !(file in weights)))
    await store.save({ weights: { ...weights, ...found } });
}

async function attempt(
  context: RequestContext,
  store: RunStore,
  until: StageName,
  signal: AbortSignal,
): Promise<RunHead> {
  const { engine } = context;
  const emit: JobTools['emit'] = (event) => context.emit(store.id, event);
  const record = await store.load();
  const { spec } = record;
  if (spec.backend !== 'auto') await engine.open(spec.backend);
  emit({ type: 'stage', stage: 'load', round: 0 });
  const onProgress = (done: number, total: number): void =>
    emit({ type: 'progress', stage: 'load', done, total, unit: 'bytes', secondsLeft: null });
  await engine.load(spec.model, onProgress, signal, spec.prompts);
  await keepFingerprints(engine, store, record);
  await engine.fit(spec);
  const others = await engine.restoreKernels(record);
  if (others.length > 0) emit({ type: 'warning', report: otherKernels(others) });
  await engine.openMeters(spec, signal);
  const crew = engine.crew();
  try {
    const lent = crew === null ? {} : { crew };
    return await runJob(until, engine.jobTools(spec, { store, emit, signal, ...lent }));
  } finally {
    crew?.close();
  }
}

function otherKernels(ops: readonly string[]): ErrorReport {
  return {
    code: 'kernels-other',
    message: `The run was begun with other forms of some kernels (${ops.join(', ')}), which this device or browser lacks.`,
    remedy: 'It goes on with those that it has; numbers may differ in their last digits.',
  };
}

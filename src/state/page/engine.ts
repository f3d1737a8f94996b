/** Which backend and which model are ready. */

import { create } from 'zustand';
import type { BackendReport, ModelReport } from '../../contract/runTypes.ts';
import { type BackendChoice, type ModelRef, type Prediction, sameRef } from '../../contract/spec.ts';
import type { StoredItem } from '../../contract/stored.ts';
import { endedWithEngine, type RequestProgress } from '../../engine/client.ts';
import { type ErrorReport, reportError } from '../../lib/errors.ts';
import { engineClient } from './engineClient.ts';
import { raiseAlert } from './notices.ts';

export type ModelFiles = readonly { readonly path: string; readonly file: Blob }[];

type EngineState = {
  /** `waiting`: the backend is open, and a large model is loaded when the user says so. */
  readonly status: 'idle' | 'opening' | 'waiting' | 'loading' | 'ready' | 'failed';
  /** The choice that was asked for; `backend` is what came of it. */
  readonly choice: BackendChoice | null;
  readonly backend: BackendReport | null;
  readonly model: ModelReport | null;
  /** What is being loaded; null for files that are being taken in. */
  readonly loading: ModelRef | null;
  readonly progress: RequestProgress | null;
  readonly failure: ErrorReport | null;
};

export const useEngine = create<EngineState>()(() => ({
  status: 'idle',
  choice: null,
  backend: null,
  model: null,
  loading: null,
  progress: null,
  failure: null,
}));

const { setState: set } = useEngine;
let abort: AbortController | null = null;
const fail = (error: unknown) => set({ status: 'failed', progress: null, failure: reportError(error) });
const onProgress = (progress: RequestProgress) => set({ progress });

/** Opens the backend and then the model; the outcome is in the store. */
export async function prepareEngine(choice: BackendChoice, ref: ModelRef): Promise<boolean> {
  return (await openBackend(choice)) && loadModel(ref);
}

/** Opens the backend alone: the model waits for the user. */
export async function prepareBackend(choice: BackendChoice): Promise<void> {
  if (await openBackend(choice)) set({ status: 'waiting' });
}

async function openBackend(choice: BackendChoice): Promise<boolean> {
  set({ status: 'opening', choice, failure: null, progress: null, model: null });
  try {
    set({ backend: await engineClient().call('open', { backend: choice }) });
    return true;
  } catch (error) {
    fail(error);
    return false;
  }
}

/** Like `prepareEngine`, but at no cost when backend and model are the ones in use. */
export async function ensureEngine(choice: BackendChoice, ref: ModelRef): Promise<boolean> {
  const { status, choice: before, model } = useEngine.getState();
  const sameModel = model !== null && sameRef(model.ref, ref);
  if (status === 'ready' && before === choice) return sameModel || loadModel(ref);
  return prepareEngine(choice, ref);
}

/** False if it was stopped or failed; the store says which. */
export function loadModel(ref: ModelRef): Promise<boolean> {
  return adopt(ref, (signal) => engineClient().call('loadModel', { ref }, { onProgress, signal }));
}

/** Copies a dropped folder or checkpoint into local storage; null if it stopped or failed, with the reason in the store. */
export async function importModel(
  name: string,
  files: ModelFiles,
  prediction: Prediction | null = null,
): Promise<StoredItem | null> {
  // Files may be dropped while the page still starts.
  const status = await settled();
  abort = new AbortController();
  const { signal } = abort;
  set({ status: 'loading', loading: null, failure: null, progress: null });
  const stored = await engineClient()
    .call('importModel', { name, files, prediction }, { onProgress, signal })
    .catch((error: unknown) => {
      if (!signal.aborted) set({ failure: reportError(error) });
      return null;
    });
  set({ status, progress: null });
  return stored;
}

function settled(): Promise<EngineState['status']> {
  return new Promise((resolve) => {
    const check = ({ status }: EngineState): boolean => {
      const done = status === 'ready' || status === 'waiting' || status === 'failed';
      if (done) resolve(status);
      return done;
    };
    if (check(useEngine.getState())) return;
    const stop = useEngine.subscribe((state) => check(state) && stop());
  });
}

/** Corrects what a stored checkpoint predicts; the one in use is loaded again with it. */
export async function correctPrediction(id: string, prediction: Prediction): Promise<boolean> {
  const ref = { kind: 'local', id } as const;
  await engineClient().call('setPrediction', { id, prediction });
  const { model } = useEngine.getState();
  if (model === null || !sameRef(model.ref, ref)) return true;
  // The engine has let go of it.
  set({ model: null });
  return loadModel(ref);
}

/** Gives up loading; the model before it goes on serving, if the engine still has it. */
export function stopLoading(): void {
  abort?.abort();
}

/** Nothing can be computed until the engine is started again. */
export function failEngine(report: ErrorReport): void {
  set({ status: 'failed', failure: report, progress: null });
}

/** The engine says that it is quiet, or stands again after it died: then what was in use is loaded anew. */
export async function hearEngine(report: ErrorReport): Promise<void> {
  raiseAlert(report, 'warning');
  // It was also started again if it hung because its storage was cleared.
  if (!endedWithEngine(report) && report.code !== 'storage-cleared') return;
  const { choice, model, loading } = useEngine.getState();
  set({ status: 'idle', backend: null, model: null, progress: null, loading: null });
  const ref = model?.ref ?? loading;
  if (choice === null) return;
  await (ref === null ? prepareBackend(choice) : prepareEngine(choice, ref));
}

export function dismissFailure(): void {
  set({ failure: null });
}

async function adopt(
  loading: ModelRef | null,
  load: (signal: AbortSignal) => Promise<ModelReport>,
): Promise<boolean> {
  const { model: before, status } = useEngine.getState();
  const fallback = before !== null ? 'ready' : status === 'waiting' ? 'waiting' : 'failed';
  abort = new AbortController();
  const { signal } = abort;
  set({ status: 'loading', loading, failure: null, progress: null });
  try {
    set({ status: 'ready', model: await load(signal), loading: null, progress: null });
    return true;
  } catch (error) {
    const failure = signal.aborted && fallback !== 'failed' ? null : reportError(error);
    // A model that is already in use goes on serving when another one cannot be read.
    const model = before === null ? null : await loadAgain(before);
    const status = before !== null && model === null ? 'waiting' : fallback;
    set({ status, model, loading: null, progress: null, failure });
    return false;
  }
}

/** A large model makes room for another one before that is loaded: if that fails, it has to be loaded again. */
async function loadAgain({ ref }: ModelReport): Promise<ModelReport | null> {
  abort = new AbortController();
  set({ loading: ref, progress: null });
  return engineClient()
    .call('loadModel', { ref }, { onProgress, signal: abort.signal })
    .catch(() => null);
}

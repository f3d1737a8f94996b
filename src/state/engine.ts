/** Which backend and which model are ready. */
import { create } from 'zustand';
import type { RequestProgress } from '../engine/client.ts';
import type { BackendReport, ModelReport } from '../jobs/runTypes.ts';
import type { BackendChoice, ModelRef } from '../jobs/spec.ts';
import { type ErrorReport, reportError, StudioError } from '../lib/errors.ts';
import { engineClient } from './engineClient.ts';

export type ModelFiles = readonly { readonly path: string; readonly file: Blob }[];

type EngineState = {
  readonly status: 'idle' | 'opening' | 'loading' | 'ready' | 'failed';
  /** The choice that was asked for; `backend` is what came of it. */
  readonly choice: BackendChoice | null;
  readonly backend: BackendReport | null;
  readonly model: ModelReport | null;
  readonly progress: RequestProgress | null;
  readonly failure: ErrorReport | null;
};

export const useEngine = create<EngineState>()(() => ({
  status: 'idle',
  choice: null,
  backend: null,
  model: null,
  progress: null,
  failure: null,
}));

const { setState: set } = useEngine;
const fail = (error: unknown) => set({ status: 'failed', progress: null, failure: reportError(error) });
const onProgress = (progress: RequestProgress) => set({ progress });

/** Opens the backend and then the model; the outcome is in the store. */
export async function prepareEngine(choice: BackendChoice, ref: ModelRef): Promise<boolean> {
  set({ status: 'opening', choice, failure: null, progress: null, model: null });
  try {
    set({ backend: await engineClient().call('open', { backend: choice }) });
  } catch (error) {
    fail(error);
    return false;
  }
  return loadModel(ref);
}

/** Like `prepareEngine`, but at no cost when backend and model are the ones in use. */
export async function ensureEngine(choice: BackendChoice, ref: ModelRef): Promise<boolean> {
  const { status, choice: before, model } = useEngine.getState();
  const sameModel = model !== null && sameRef(model.ref, ref);
  if (status === 'ready' && before === choice) return sameModel || loadModel(ref);
  return prepareEngine(choice, ref);
}

/** Resolves once a model is ready, or rejects when there will be none. */
export function engineReady(): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = ({ status, failure }: EngineState): boolean => {
      if (status === 'ready') resolve();
      if (status === 'failed')
        reject(
          new StudioError('engine-failed', failure?.message ?? 'The engine failed.', {
            remedy: failure?.remedy ?? 'Reload the page.',
          }),
        );
      return status === 'ready' || status === 'failed';
    };
    if (check(useEngine.getState())) return;
    const stop = useEngine.subscribe((state) => check(state) && stop());
  });
}

export function loadModel(ref: ModelRef): Promise<boolean> {
  return adopt(() => engineClient().call('loadModel', { ref }, { onProgress }));
}

/** Copies a dropped diffusers folder into local storage and loads it. */
export function importModel(name: string, files: ModelFiles): Promise<boolean> {
  return adopt(() => engineClient().call('importModel', { name, files }, { onProgress }));
}

export function failEngine(report: ErrorReport): void {
  set({ status: 'failed', failure: report, progress: null });
}

export function dismissFailure(): void {
  set({ failure: null });
}

async function adopt(load: () => Promise<ModelReport>): Promise<boolean> {
  const before = useEngine.getState().model;
  set({ status: 'loading', failure: null, progress: null });
  try {
    set({ status: 'ready', model: await load(), progress: null });
    return true;
  } catch (error) {
    // A model that is already in use goes on serving when another one cannot be read.
    set({ status: before === null ? 'failed' : 'ready', progress: null, failure: reportError(error) });
    return false;
  }
}

function sameRef(a: ModelRef, b: ModelRef): boolean {
  return a.kind === 'url' ? b.kind === 'url' && a.base === b.base : b.kind === 'local' && a.id === b.id;
}

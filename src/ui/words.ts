/** Names of stages and states in the words of the page. */

import { drawingCores } from '../contract/backend.ts';
import type { StageName } from '../contract/events.ts';
import type { LoadWait, PlanPhaseName } from '../contract/loadPlan.ts';
import type { BackendReport, ModelReport, RunStatus } from '../contract/runTypes.ts';
import type { VisibleStatus } from '../state/run/runs.ts';
import type { PageName } from '../state/setup/url.ts';

export const STAGE_WORDS: Readonly<Record<StageName, string>> = {
  load: 'Loading the model',
  pool: 'Drawing candidates',
  'real-images': 'Ranking real images',
  select: 'Selecting',
  train: 'Training',
  evaluate: 'Comparing before and after',
  done: 'Done',
};

export const STATUS_WORDS: Readonly<Record<VisibleStatus | RunStatus, string>> = {
  idle: 'No run is open',
  elsewhere: 'Worked on in another tab',
  new: 'Not started',
  running: 'Running',
  pausing: 'Pausing after the current step',
  canceling: 'Stopping',
  paused: 'Paused',
  failed: 'Stopped by an error',
  done: 'Done',
};

export const PAGE_TITLES: Readonly<Record<PageName, string>> = {
  start: 'Start',
  model: 'Model',
  adapters: 'Adapters',
  settings: 'Settings',
  storage: 'Storage',
  survey: 'Survey',
  build: 'Build',
  select: 'Select',
  agreement: 'Agreement',
  train: 'Train',
  compare: 'Compare',
  download: 'Download',
};

export const PLAN_PHASE_WORDS: Readonly<Record<PlanPhaseName, string>> = {
  text: 'Reading prompts',
  generate: 'Drawing',
  decode: 'Decoding images',
  measure: 'Measuring images by metrics',
  train: 'Training',
};

/** What the network of a checkpoint may predict. */
export const PREDICTION_OPTIONS = [
  { value: 'epsilon', label: 'Noise (epsilon)', help: 'Stable Diffusion 1.x, 2.x base' },
  { value: 'v_prediction', label: 'Velocity (v)', help: 'Stable Diffusion 2.x at 768 pixels' },
] as const satisfies readonly { value: ModelReport['prediction']; label: string; help: string }[];

/** What computes, in how many threads, at which precision and with which kernels, in one line. */
export function describeArithmetic(backend: BackendReport, model: ModelReport | null): string {
  const name = backend.name === 'webgpu' ? 'WebGPU' : 'Processor (WebAssembly)';
  // Those of the processor say nothing to who reads a line; reports have them.
  const forms = backend.name === 'webgpu' ? (backend.kernels ?? {}) : {};
  const variants = [...new Set(Object.values(forms))];
  const kernels = variants.length === 0 ? [] : [`kernels: ${variants.join(' and ')}`];
  const { threads = 1 } = backend;
  const cores = model === null ? 1 : drawingCores(backend, model.sizeBytes);
  const shared = [
    ...(threads > 1 ? [`${threads} threads`] : []),
    ...(cores > 1 ? [`draws on ${cores} cores`] : []),
  ];
  return [name, ...shared, describePrecision(backend, model), ...kernels].join(', ');
}

const LOAD_WAITS: Readonly<Record<LoadWait, string>> = {
  network: 'waiting for the network',
  storage: 'reading this browser’s storage',
  device: 'waiting for the GPU',
};

/** What loading waits for, as the rest of a sentence; empty where that is not known. */
export function loadWaitWords(
  progress: { readonly note?: string } | null,
  backend: Pick<BackendReport, 'name'> | null,
): string {
  const on = progress?.note;
  if (on === 'device' && backend?.name === 'wasm') return ', preparing weights';
  return on !== undefined && on in LOAD_WAITS ? `, ${LOAD_WAITS[on as LoadWait]}` : '';
}

/** Kernel variants that were chosen for this device and how its self-test went, for a list of facts. */
export function kernelWords({
  name,
  kernels,
  selfTest,
}: BackendReport): readonly (readonly [string, string])[] {
  const forms = Object.entries(kernels ?? {}).map(
    ([area, variant]) => [`Kernels for ${area.replaceAll('_', ' ')}`, variant] as const,
  );
  if (name !== 'webgpu') return forms;
  if (selfTest == null)
    return [...forms, ['Self-test', 'not done: this adapter is a program, without a driver to go wrong']];
  const { tested, wrong } = selfTest;
  const outcome =
    wrong.length === 0 ? 'all right' : `${wrong.length} wrong and not used: ${wrong.join(', ')}`;
  return [...forms, ['Self-test on this GPU', `${tested} kernels, ${outcome}`]];
}

/** Weights that are stored in halves are still computed with in 32 bits. */
function describePrecision(backend: BackendReport, model: ModelReport | null): string {
  if (model === null) return backend.precision;
  return model.weights === 'f32' ? 'f32' : `${model.weights} weights, f32 arithmetic`;
}

/**
 * A place in storage without the folder that this page made for it, whose name means nothing to anyone. Addresses and
 * repositories, which may look alike from within, stay whole.
 */
export function withoutFolderName(where: string): string {
  return where.replace(/^(models|images|adapters|runs)\/[\w.-]+\/(?=.)/, '');
}

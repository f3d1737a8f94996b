/** What the engine holds between requests: one backend, one model, at most one job. */
import { allAdapterTargets } from '../adapters/targets.ts';
import type { LoadPlan, PlanRequest } from '../jobs/loadPlan.ts';
import type { JobTools } from '../jobs/runContext.ts';
import type { BackendReport, ModelReport } from '../jobs/runTypes.ts';
import type { BackendChoice, MiTuneSpec, ModelRef } from '../jobs/spec.ts';
import { StudioError } from '../lib/errors.ts';
import { openSession, resizeSession, type Session } from '../methods/session.ts';
import { loadModel } from '../models/load.ts';
import { openBackend } from '../tensor/device.ts';
import { trimPool } from '../tensor/memory.ts';
import { tf } from '../tensor/tf.ts';
import type { BackendInfo, WasmPaths } from '../tensor/types.ts';
import { drawsShapesWorld, openModelRef } from './modelSource.ts';

export type EngineOptions = {
  readonly wasmPaths: WasmPaths;
  /** Address that relative model addresses are relative to. */
  readonly pageUrl: string;
  readonly onLost: (error: StudioError) => void;
};

type Loaded = { readonly session: Session; readonly report: ModelReport };

/** Precision that frozen weights are kept at. */
const WEIGHT_FORMAT = 'f32';

export class Engine {
  readonly #options: EngineOptions;
  #choice: BackendChoice | null = null;
  #backend: BackendInfo | null = null;
  #loaded: Loaded | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Opens a backend; the model of another one is dropped. */
  async open(choice: BackendChoice): Promise<BackendReport> {
    if (this.#backend === null || this.#choice !== choice) {
      this.unload();
      const { wasmPaths, onLost } = this.#options;
      this.#backend = await openBackend(choice, {
        wasmPaths,
        onLost: (error) => {
          // Its tensors are gone with the device.
          this.#backend = null;
          this.#loaded = null;
          onLost(error);
        },
      });
      this.#choice = choice;
    }
    return reportBackend(this.#backend);
  }

  /** Loads a model, unless it is loaded already. */
  async load(
    ref: ModelRef,
    onProgress: (done: number, total: number) => void,
    signal?: AbortSignal,
  ): Promise<ModelReport> {
    const loaded = this.#loaded;
    if (loaded !== null && JSON.stringify(loaded.report.ref) === JSON.stringify(ref)) return loaded.report;
    if (this.#backend === null) await this.open(this.#choice ?? 'auto');
    const folder = await openModelRef(ref, this.#options.pageUrl);
    const shapesWorld = await drawsShapesWorld(folder);
    // The old model goes only when the new one has come: a wrong address costs nothing.
    const model = await loadModel(folder, { format: WEIGHT_FORMAT, onProgress, signal });
    this.unload();
    const session = openSession(model);
    const { vae, unet } = model;
    const report: ModelReport = {
      name: folder.name,
      ref,
      parameters: model.parameters,
      sizeBytes: model.sizeBytes,
      weights: WEIGHT_FORMAT,
      imageSize: session.latentShape[0] * vae.config.factor,
      maxTokens: model.tokenizer.maxTokens,
      prediction: session.prediction,
      adapterTargets: unet.stages.reduce((sum, s) => sum + s.targets.length, 0),
      shapesWorld,
    };
    this.#loaded = { session, report };
    return report;
  }

  /** @throws StudioError `plan-unavailable` */
  async planLoad(_request: PlanRequest): Promise<LoadPlan> {
    throw new StudioError('plan-unavailable', 'The memory a model needs cannot be told yet.', {
      remedy: 'Load the model.',
    });
  }

  /** Frees the model's memory. */
  unload(): void {
    if (this.#loaded === null) return;
    this.#loaded.session.model.dispose();
    this.#loaded = null;
    trimPool();
  }

  get backend(): BackendInfo {
    if (this.#backend === null) throw notReady('No backend is open.');
    return this.#backend;
  }

  get session(): Session {
    if (this.#loaded === null) throw notReady('No model is loaded.');
    return this.#loaded.session;
  }

  get model(): ModelReport | null {
    return this.#loaded?.report ?? null;
  }

  /** The model at the image size of a run. */
  sessionOf({ sampling }: Pick<MiTuneSpec, 'sampling'>): Session {
    return resizeSession(this.session, sampling.size ?? null);
  }

  /** Everything a job with these settings borrows from the engine. */
  jobTools(spec: MiTuneSpec, emit: JobTools['emit'], signal: AbortSignal): JobTools {
    return {
      session: this.sessionOf(spec),
      backend: this.backend.name,
      kernels: { app: __APP_VERSION__, tfjs: tf.version_core, weights: WEIGHT_FORMAT },
      shapesWorld: this.model?.shapesWorld ?? false,
      now: () => performance.now() / 1000,
      emit,
      signal,
    };
  }

  /** Modules that adapter files may speak of. */
  get adapterTargets() {
    return allAdapterTargets(this.session.model);
  }
}

/** The report's form of a backend. */
export function reportBackend(info: BackendInfo): BackendReport {
  const { name, reason, adapter, precision } = info;
  return {
    name,
    reason,
    adapter:
      adapter === undefined
        ? null
        : { vendor: adapter.vendor, architecture: adapter.architecture, description: adapter.description },
    precision,
  };
}

function notReady(message: string): StudioError {
  return new StudioError('engine-not-ready', message, {
    remedy: 'Wait until the model is loaded, then try again.',
  });
}

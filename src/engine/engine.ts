/** What the engine holds between requests: one backend, one model, at most one job. */
import type { BackendInfo } from '../contract/backend.ts';
import type { LoadPlan, LoadWait, PlanMode, PlanRequest, PlanSettings } from '../contract/loadPlan.ts';
import { ONE_ROW, policyOf, policyOn, type RowLimits } from '../contract/policy.ts';
import type { BackendReport, ModelReport } from '../contract/runTypes.ts';
import type { BackendChoice, MiTuneSpec, ModelRef } from '../contract/spec.ts';
import type { JobTools } from '../jobs/runContext.ts';
import { StudioError } from '../lib/errors.ts';
import { tuningOf } from '../methods/code.ts';
import { exactMeter } from '../metrics/exactMeter.ts';
import type { Meter } from '../metrics/metric.ts';
import type { ModelFolder } from '../models/folder.ts';
import { loadModel } from '../models/load.ts';
import { type ModelShape, readModelShape } from '../models/shape.ts';
import {
  defaultSettings,
  makePlan,
  plannedSettings,
  type RowsAsked,
  rowsThatFit,
  withMetrics,
} from '../planning/memory.ts';
import { measureOf } from '../planning/memoryPhases.ts';
import { openSession, resizeSession, type Session } from '../procedures/session.ts';
import type { RunHead } from '../storage/runRecord.ts';
import { trimPool } from '../tensor/memory.ts';
import { limitSubmissions } from '../tensor/pace.ts';
import type { KernelSpeeds } from '../tensor/speed/kernelSpeeds.ts';
import { tf } from '../tensor/tf.ts';
import { ComputeDevice, type ComputeOptions, notReady } from './computeDevice.ts';
import { type Crew, type CrewOptions, openCrew } from './crew.ts';
import { type FingerprintedFolder, fingerprinted } from './fingerprints.ts';
import { chooseKernels, kernelsInUse, reportBackend, restoreForms } from './kernels.ts';
import { kernelSpeeds } from './kernelTimes.ts';
import { MemoryBudget } from './memoryBudget.ts';
import { metricNeeds, RunMeters } from './meters.ts';
import { drawsShapesWorld, openModelRef } from './modelSource.ts';

type EngineOptions = ComputeOptions & {
  /** Address that relative model addresses are relative to. */
  readonly pageUrl: string;
  readonly startDrawer: CrewOptions['start'];
};

type Loaded = {
  readonly session: Session;
  readonly report: ModelReport;
  readonly shape: ModelShape;
  readonly settings: PlanSettings;
  readonly fingerprints: FingerprintedFolder['fingerprints'];
};

/** Bytes so far and in all. */
type OnLoaded = (done: number, total: number, waitsFor: LoadWait) => void;

/** What fits into the budgets, for the settings of one run. */
type Fit = { readonly key: string; readonly limits: RowLimits };

/** The device and the model on it, one at a time, and the meters that measure its images. */
export class Engine {
  readonly device: ComputeDevice;
  readonly #options: EngineOptions;
  #loaded: Loaded | null = null;
  /** The model that a lost device took with it. */
  #taken: ModelRef | null = null;
  /** Settles when nothing is being opened or loaded. */
  #busy: Promise<unknown> = Promise.resolve();
  #fit: Fit | null = null;
  /** Meters that run networks, for the metrics that the last run asked for. */
  readonly #asked: RunMeters;
  readonly #budget = new MemoryBudget();
  /** Of the kernels on the open backend; null until they are asked for. */
  #speeds: KernelSpeeds | null = null;

  constructor(options: EngineOptions) {
    const { pageUrl, wasmPaths, onLost } = options;
    this.#options = options;
    this.#asked = new RunMeters(pageUrl);
    this.device = new ComputeDevice({
      wasmPaths,
      onLost: (error) => {
        this.#taken = this.model?.ref ?? this.#taken;
        // Its tensors are gone with the device, but they are still counted.
        this.unload();
        onLost(error);
      },
    });
  }

  /** Opens a backend; the model of another one is dropped. */
  open(choice: BackendChoice): Promise<BackendReport> {
    return this.#inTurn(() => this.#open(choice));
  }

  /**
   * Loads a model, unless it is loaded already. A model whose networks are too large to be on the device together
   * encodes `texts` first, before its UNet is loaded.
   */
  load(
    ref: ModelRef,
    onProgress: OnLoaded,
    signal?: AbortSignal,
    texts: readonly string[] = [],
  ): Promise<ModelReport> {
    return this.#inTurn(() => this.#load(ref, onProgress, signal, texts));
  }

  /** Loads what a lost device took, for requests that come when no run is worked on: a run does it by itself. */
  async revive(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#taken !== null && this.#loaded === null) await this.#load(this.#taken, () => undefined);
    });
  }

  /** Two models at once would not fit, and none can be loaded onto a backend that is being replaced. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => undefined);
    return done;
  }

  async #open(choice: BackendChoice): Promise<BackendReport> {
    const { device } = this;
    if (device.info !== null && device.choice === choice) return reportBackend(device.info);
    this.unload();
    this.#fit = null;
    this.#speeds = null;
    this.#budget.forgetDevice();
    if (device.choice !== choice) this.#taken = null;
    const wrong = await chooseKernels(await device.open(choice));
    if (wrong.length > 0) await this.#leaveGpu(choice, wrong);
    return reportBackend(this.backend);
  }

  /** A GPU with wrong numbers is not used. @throws StudioError `gpu-wrong` where it was asked for by name */
  async #leaveGpu(choice: BackendChoice, wrong: readonly string[]): Promise<void> {
    const problem = `This GPU, with its driver, gives wrong numbers (${wrong.join(', ')}).`;
    const instead = choice === 'webgpu' ? 'wasm' : choice;
    await chooseKernels(await this.device.open(instead, `${problem} WebAssembly is used instead.`));
    if (choice !== 'webgpu') return;
    throw new StudioError('gpu-wrong', problem, {
      remedy: 'Choose WebAssembly, or update the driver of the GPU or the browser.',
    });
  }

  async #load(
    ref: ModelRef,
    onProgress: OnLoaded,
    asked?: AbortSignal,
    texts: readonly string[] = [],
  ): Promise<ModelReport> {
    const loaded = this.#loaded;
    if (loaded !== null && JSON.stringify(loaded.report.ref) === JSON.stringify(ref)) return loaded.report;
    if (this.device.info === null) await this.#open(this.device.choice ?? 'auto');
    const { lost } = this.device;
    const signal = asked === undefined ? lost : AbortSignal.any([asked, lost]);
    const folder = fingerprinted(await openModelRef(ref, this.#options.pageUrl));
    const shapesWorld = await drawsShapesWorld(folder);
    const shape = await readModelShape(folder);
    signal.throwIfAborted();
    const settings = defaultSettings(shape, { backend: this.backend.name, size: null, batch: 1 });
    const policy = policyOn(policyOf(settings, ONE_ROW), this.backend);
    // The old model goes only when the new one has come, so that a wrong address costs nothing; but two large ones
    // would not fit.
    if (settings.parts === 'byPhase') this.unload();
    let opened: Session | null = null;
    const model = await loadModel(folder, {
      format: settings.weights,
      parts: settings.parts,
      textPhase:
        texts.length === 0
          ? undefined
          : async (withText) => {
              opened = openSession(withText, policy);
              await opened.contexts.prepare(['', ...texts], signal);
            },
      onProgress: (done, total, on) =>
        onProgress(done, total, on === 'device' ? on : ref.kind === 'url' ? 'network' : 'storage'),
      signal,
    });
    if (lost.aborted) {
      model.dispose();
      throw lost.reason;
    }
    this.unload();
    limitSubmissions(policy.submitEvery);
    const session = opened ?? openSession(model, policy);
    const { vae, unet } = model;
    const report: ModelReport = {
      name: folder.name,
      ref,
      parameters: model.parameters,
      sizeBytes: model.sizeBytes,
      weights: settings.weights,
      imageSize: session.latentShape[0] * vae.config.factor,
      maxTokens: model.tokenizer.maxTokens,
      prediction: session.prediction,
      adapterTargets: unet.stages.reduce((sum, s) => sum + s.targets.length, 0),
      shapesWorld,
    };
    this.#loaded = { session, report, shape, settings, fingerprints: folder.fingerprints };
    this.#taken = null;
    return report;
  }

  /**
   * What a model would need with the asked settings. A budget that is given holds for runs from now on.
   * @param idle false while a job runs: then nothing is tried on the device
   */
  async planLoad(request: PlanRequest, idle: boolean): Promise<LoadPlan> {
    if (this.device.info === null) await this.open(this.device.choice ?? 'auto');
    const { mode, rank, size, batch, budgetBytes = null, metrics = [], method, drawnBy, steps } = request;
    if (budgetBytes !== null) {
      this.#budget.allow(mode, budgetBytes);
      this.#fit = null;
    }
    const folder = await openModelRef(request.ref, this.#options.pageUrl);
    const shape = await readModelShape(folder);
    const { name: backend, limits } = this.backend;
    const settings = plannedSettings(shape, { on: this.backend, mode, size, batch });
    const speeds = await this.#kernelSpeeds(idle);
    const ways = { mode, method, drawnBy };
    const base = measureOf(shape, { rank, steps, ...ways }, { limits, speeds });
    const measure = mode === 'generate' ? withMetrics(base, metricNeeds(metrics, backend)) : base;
    const input = { model: folder.name, backend, shape, settings, measure, ...ways };
    const plan = await makePlan({ ...input, budgetBytes: this.#budget.of(mode) });
    const trial = idle && plan.fits ? await this.#budget.try(plan.peakBytes) : 'skipped';
    if (trial !== 'failed') return { ...plan, trial };
    return { ...(await makePlan({ ...input, budgetBytes: this.#budget.of(mode) })), trial };
  }

  /** Of the open backend, which must not change meanwhile; null where they are not known and a job runs. */
  async #kernelSpeeds(idle: boolean): Promise<KernelSpeeds | null> {
    if (!idle || this.#speeds !== null) return this.#speeds;
    return this.#inTurn(async () => {
      this.#speeds ??= await kernelSpeeds(this.backend);
      return this.#speeds;
    });
  }

  /** Finds the batches of a run that fit; `sessionOf` follows them. Models that fit as a whole need nothing. */
  async fit({ sampling, training, adapter, method, drawnBy }: MiTuneSpec): Promise<void> {
    const { shape, settings, report } = this.#current;
    if (settings.parts === 'resident') return;
    const size = sampling.size ?? report.imageSize;
    const { rank, textEncoder } = adapter;
    const ways = { method, drawnBy };
    const key = JSON.stringify([size, sampling.batch, training.batch, rank, textEncoder, ways]);
    if (this.#fit?.key === key) return;
    const { limits } = this.backend;
    const rows = (mode: PlanMode, batch: number): RowsAsked => ({
      batch,
      measure: measureOf(shape, { mode, rank, textEncoder, ...ways }, { limits }),
      budgetBytes: this.#budget.of(mode),
    });
    const asked = { generate: rows('generate', sampling.batch), train: rows('train', training.batch) };
    const { tuning } = await tuningOf(method === undefined ? {} : { method });
    const fitting = await rowsThatFit({ ...settings, size }, asked, tuning.objective.rows);
    this.#fit = { key, limits: fitting };
  }

  /** Opens the metrics that a run asks for beside those of its model. @throws StudioError as `RunMeters.open` */
  openMeters(spec: Pick<MiTuneSpec, 'metrics' | 'prompts'>, signal: AbortSignal): Promise<void> {
    return this.#asked.open(spec, { backend: this.backend.name, signal });
  }

  /** Frees the networks of metrics. */
  closeMeters(): void {
    this.#asked.close();
  }

  /** Frees the memory of the model, and of the metrics of its run. */
  unload(): void {
    this.closeMeters();
    if (this.#loaded === null) return;
    this.#loaded.session.model.dispose();
    this.#loaded = null;
    trimPool();
  }

  get backend(): BackendInfo {
    if (this.device.info === null) throw notReady('No backend is open.');
    return this.device.info;
  }

  get session(): Session {
    return this.#current.session;
  }

  get #current(): Loaded {
    if (this.#loaded === null) throw notReady('No model is loaded.');
    return this.#loaded;
  }

  /** Of the loaded model's files, as far as they have been read. */
  readonly fingerprints: FingerprintedFolder['fingerprints'] = () => this.#current.fingerprints();

  get model(): ModelReport | null {
    return this.#loaded?.report ?? null;
  }

  /** What measures images as they are drawn. The exact score reads those of the shapes world's own size alone. */
  metersOf({ latentShape }: Session): readonly Meter[] {
    const isExact = this.model?.shapesWorld && latentShape[0] === this.session.latentShape[0];
    return [...(isExact ? [exactMeter] : []), ...this.#asked.meters];
  }

  /** The model at the image size of a run. */
  sessionOf({ sampling }: Pick<MiTuneSpec, 'sampling'>): Session {
    const session = resizeSession(this.session, sampling.size);
    const { settings } = this.#current;
    if (settings.parts === 'resident') return session;
    return { ...session, policy: policyOf(settings, this.#fit?.limits ?? ONE_ROW) };
  }

  /** Everything a job with these settings borrows from the engine. */
  jobTools(spec: MiTuneSpec, borrowed: Pick<JobTools, 'store' | 'emit' | 'signal' | 'crew'>): JobTools {
    return {
      ...borrowed,
      session: this.sessionOf(spec),
      backend: this.backend.name,
      kernels: {
        app: __APP_VERSION__,
        tfjs: tf.version_core,
        weights: this.#current.settings.weights,
        ...kernelsInUse(this.backend),
      },
      meters: this.metersOf(this.sessionOf(spec)),
      now: () => performance.now() / 1000,
    };
  }

  /** Workers for the other cores, for a job that closes them in the end; null where other cores would not help. */
  crew(): Crew | null {
    return openCrew(this.session, this.backend, this.#options);
  }

  /**
   * Uses the forms of kernels that a run was begun with, or the fastest on this device.
   * @returns kernels whose form cannot be had again: their numbers may differ in the last digits
   */
  restoreKernels({ computedBy }: Pick<RunHead, 'computedBy'>): Promise<readonly string[]> {
    return restoreForms(this.backend, computedBy);
  }

  /** The files of the loaded model. */
  openModelFolder(): Promise<ModelFolder> {
    return openModelRef(this.#current.report.ref, this.#options.pageUrl);
  }
}

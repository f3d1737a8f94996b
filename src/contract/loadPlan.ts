/** What goes where, at which precision, before a model is loaded: plain data, the same for the page and the reports. */
import type { BackendName, WeightFormat } from './backend.ts';
import type { MethodChoice, ModelRef } from './spec.ts';

/** Images drawn from the pool (with guidance: two network evaluations at a time), or an adapter trained. */
export type PlanMode = 'generate' | 'train';

/** The parts of a run that need memory one after another, so that the largest of them is the peak. */
export type PlanPhaseName = 'text' | 'generate' | 'decode' | 'measure' | 'train';

/** How gradients are taken: one tape over the network, or block by block with recomputation. */
export type GradientMode = 'whole' | 'byStage';

/** What the engine does, and what a proposal changes. */
export type PlanSettings = {
  /** Height and width of the images in pixels. */
  readonly size: number;
  /**
   * Images that go through the network together: candidates of one call, or samples of one backward pass, each with the
   * rows that the method sets beside it.
   */
  readonly batch: number;
  /** Precision frozen matrices are kept at on the device. Arithmetic, biases and norms are f32 in both cases. */
  readonly weights: WeightFormat;
  /** `resident`: all networks stay loaded. `byPhase`: text encoder and VAE come when they are needed and leave. */
  readonly parts: 'resident' | 'byPhase';
  /** Gradients from one tape over the network, or block by block with recomputation. */
  readonly sweep: GradientMode;
  /** Horizontal bands that images are decoded in, exactly as in one piece; 1 for one piece. */
  readonly decodeBands: number;
};

export type PlanRequest = {
  readonly ref: ModelRef;
  /** Height and width in pixels; null for the model's own. */
  readonly size: number | null;
  readonly batch: number;
  readonly mode: PlanMode;
  /** Rank of the adapter (DoRA); counts when training, and for drawing with an adapter. */
  readonly rank: number;
  /** Metrics of the run by name, whose networks measure the images; counts when drawing. */
  readonly metrics?: readonly string[];
  /** What is trained, and how images are drawn; MI-TUNE and guidance alone where absent. */
  readonly method?: MethodChoice;
  readonly drawnBy?: MethodChoice;
  /** Steps of the sampler; count when a method is trained that keeps what it draws. */
  readonly steps?: number;
  /** Device memory that may be used in all; null for the default of the mode. */
  readonly budgetBytes?: number | null;
};

/** One line of the table. */
export type PlanRow = {
  readonly phase: PlanPhaseName;
  /** In words for the user: `UNet weights`, `Activations`, `Adapter, gradients and moments`. */
  readonly what: string;
  readonly where: 'device' | 'memory';
  readonly precision: WeightFormat;
  readonly bytes: number;
};

export type PlanPhase = { readonly phase: PlanPhaseName; readonly peakBytes: number };

/**
 * Seconds by the speed of the kernels, which are timed at the start. Of a network evaluation: `drawn` by the base model,
 * `drawnTuned` with an adapter, `trained` as methods count their training; `decoded` of an image.
 */
export type PlanSeconds = Readonly<Partial<Record<'drawn' | 'drawnTuned' | 'decoded' | 'trained', number>>>;

/** A way that fits, where the asked one does not. */
export type PlanProposal = {
  readonly settings: PlanSettings;
  readonly peakBytes: number;
  /** In words for the user, such as `1 image at a time instead of 8`. */
  readonly changes: readonly string[];
};

export type LoadPlan = {
  readonly model: string;
  readonly backend: BackendName;
  readonly mode: PlanMode;
  readonly settings: PlanSettings;
  readonly rows: readonly PlanRow[];
  readonly phases: readonly PlanPhase[];
  /** What the units of the mode take; empty where no kernel could be timed. */
  readonly seconds: PlanSeconds;
  /** Largest phase, device memory only; infinite where a single buffer is more than the device can have. */
  readonly peakBytes: number;
  /** Most bytes of the model's files in JavaScript memory at any time while it is loaded. */
  readonly loadingBytes: number;
  readonly budgetBytes: number;
  readonly fits: boolean;
  /**
   * Buffers of the peak's size were really created and destroyed on the device: `passed`, `failed` (the device has
   * less memory than the budget), or `skipped` where there is no device or the plan does not fit anyway.
   */
  readonly trial: 'passed' | 'failed' | 'skipped';
  /** Null where the asked plan fits, or where nothing does. */
  readonly proposal: PlanProposal | null;
};

/** What loading a model waits for: its files, from where they come, or the device that takes them. */
export type LoadWait = 'network' | 'storage' | 'device';

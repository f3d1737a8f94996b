/**
 * What a run takes of the device's memory, phase by phase: runs the real code, with parameters of the real sizes, on a
 * device that only creates buffers (or only counts them).
 */
import { type Adapter, initAdapter, type Target } from '../adapters/adapter.ts';
import type { PlanMode, PlanPhaseName, PlanSettings } from '../contract/loadPlan.ts';
import { type ComputePolicy, NO_LIMIT, policyOf } from '../contract/policy.ts';
import { presetSettings } from '../contract/presets.ts';
import type { MethodChoice } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import { drawRuleOf, tuningOf } from '../methods/code.ts';
import type { MethodTuning, OnlineRequest } from '../methods/methodCode.ts';
import { chosenMethod } from '../methods/registry.ts';
import { constantReader } from '../models/checkpointReader.ts';
import { assembleModel } from '../models/load.ts';
import type { ModelShape, PartName } from '../models/shape.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import { drawPool } from '../procedures/drawPool.ts';
import type { DrawRule } from '../procedures/drawRule.ts';
import type { CaptionedLatent } from '../procedures/measureSet.ts';
import { openSession, resizeSession, type Session, sessionScheduler } from '../procedures/session.ts';
import type { TrainItem } from '../procedures/trainItems.ts';
import { trainedTargets, trainRound } from '../procedures/trainRound.ts';
import { applyAdapter, type Tuned } from '../procedures/tuned.ts';
import { trimPool } from '../tensor/memory.ts';
import { limitSubmissions } from '../tensor/pace.ts';
import { activeMeter, type BufferMeter } from '../tensor/webgpu/bufferMeter.ts';
import { type RehearsalOptions, rehearse } from '../tensor/webgpu/rehearsalDevice.ts';

export type PhaseMemory = {
  readonly phase: PlanPhaseName;
  /** Most bytes of all living buffers at any time of the phase. */
  readonly peakBytes: number;
  /** Of these: matrices of each network, and what stays of the adapter and its training between steps. */
  readonly parts: { readonly unet: number; readonly vae: number; readonly text: number };
  readonly adapterBytes: number;
  /** The network of a metric with all that it takes while it measures. */
  readonly metric?: MetricNeed;
  /** In JavaScript memory, not of the device: images that a method keeps with their latents. */
  readonly keptBytes: number;
};

export type MetricNeed = { readonly name: string; readonly bytes: number };

type PhaseRequest = {
  readonly mode: PlanMode;
  readonly settings: PlanSettings;
  /** Rank of a DoRA adapter on the UNet; when drawing, 0 for the base model. */
  readonly rank: number;
  /** The text encoder is adapted as well. */
  readonly textEncoder?: boolean | undefined;
  /** What is trained on which rows, and how images are drawn; MI-TUNE and guidance alone where absent. */
  readonly method?: MethodChoice | undefined;
  readonly drawnBy?: MethodChoice | undefined;
  /** Steps of the sampler, for a method that keeps what it draws. */
  readonly steps?: number | undefined;
};

const PROMPT = 'a';
/** Any schedule: values do not matter. */
const SCHEDULER = {
  _class_name: 'DDPMScheduler',
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  num_train_timesteps: 1000,
  clip_sample: false,
} as const;
/** Every weight of a model that really computes; a power of two, which halves hold. */
const SOME_WEIGHT = 2 ** -7;
/** Images that are kept are there once, and three times more while they are stored: as numbers, sealed, and as a file. */
const COPIES_KEPT = 4;
/** More rows than any method has for one sample. */
const MOST_ROWS = 16;
/** Any above 1. */
const GUIDANCE = 7.5;
/** Two steps of the sampler: the first makes what the second needs. */
const STEPS = 2;

/** The phases of a run under these settings; null where a single buffer would be larger than the device can have. */
export type Measure = (settings: PlanSettings) => Promise<readonly PhaseMemory[] | null>;

/** `measurePhases` as planning asks for it: the settings alone vary. */
export function measureOf(
  shape: ModelShape,
  request: Omit<PhaseRequest, 'settings'>,
  options: RehearsalOptions = {},
): Measure {
  return async (settings) => {
    try {
      return await measurePhases(shape, { ...request, settings }, options);
    } catch (error) {
      if (error instanceof StudioError && IMPOSSIBLE.has(error.code)) return null;
      throw error;
    }
  };
}

const IMPOSSIBLE: ReadonlySet<string> = new Set(['tensor-too-large', 'dispatch-too-large']);

/** Phases in the order of a run. */
export async function measurePhases(
  shape: ModelShape,
  request: PhaseRequest,
  options: RehearsalOptions = {},
): Promise<readonly PhaseMemory[]> {
  // Before the rehearsal, which waits for nothing but the device.
  const way = await wayOf(request);
  const before = limitSubmissions(policyFor(request.settings).submitEvery);
  try {
    return await rehearse((meter) => measure(shape, request, way, meter, 0), options);
  } finally {
    limitSubmissions(before);
  }
}

/**
 * The same with everything computed, on the active webgpu backend: what `measurePhases` is held against.
 * @throws RangeError on wasm, where there are no buffers to count
 */
export async function runPhases(shape: ModelShape, request: PhaseRequest): Promise<readonly PhaseMemory[]> {
  trimPool();
  const meter = activeMeter();
  if (meter === null) throw new RangeError('memory is counted on webgpu only');
  const way = await wayOf(request);
  const before = limitSubmissions(policyFor(request.settings).submitEvery);
  try {
    return await measure(shape, request, way, meter, SOME_WEIGHT);
  } finally {
    limitSubmissions(before);
  }
}

/** How images are drawn, and what one sample of training is or where it comes from. */
type Way = {
  readonly rule: DrawRule;
  /** Latents that the method keeps. */
  readonly keptLatents: number;
} & Pick<MethodTuning, 'tuning' | 'online'>;

async function wayOf({ method, drawnBy, steps }: PhaseRequest): Promise<Way> {
  const chosen = chosenMethod(method);
  const spec = {
    ...(method === undefined ? {} : { method: rewardedByMi(method) }),
    ...(drawnBy === undefined ? {} : { drawnBy }),
    // The only word there is; reading it would load a tagger.
    readings: { [PROMPT]: { objects: [PROMPT], phrases: [PROMPT] } },
  };
  return {
    rule: await drawRuleOf(spec),
    ...(await tuningOf(spec)),
    keptLatents: steps === undefined ? 0 : (chosen.method.keeps?.(chosen.options) ?? 0) * (steps + 1),
  };
}

/** Networks of metrics are a phase of their own, see `withMetrics`. */
function rewardedByMi(choice: MethodChoice): MethodChoice {
  const { needs } = chosenMethod(choice).method;
  return needs.reward ? { ...choice, options: { ...choice.options, reward: 'mi' } } : choice;
}

async function measure(
  shape: ModelShape,
  { mode, settings, rank, textEncoder = false }: PhaseRequest,
  way: Way,
  meter: BufferMeter,
  weight: number,
): Promise<readonly PhaseMemory[]> {
  // Buffers that were there before are nobody's business.
  const others = meter.liveBytes;
  const session = await openEmpty(shape, settings, weight);
  const { parts } = session.model;
  const sizes = await sizesOfParts(session, meter);
  const measured: PhaseMemory[] = [];
  let adapterBytes = 0;
  const latentBytes = 4 * emptyLatent(session).length;
  const phase = async (name: PlanPhaseName, used: readonly PartName[], work: () => Promise<unknown>) => {
    const resident = settings.parts === 'resident';
    const bytes = (part: PartName): number => (resident || used.includes(part) ? sizes[part] : 0);
    trimPool();
    meter.restart();
    await work();
    measured.push({
      phase: name,
      peakBytes: meter.peakBytes - others,
      parts: { unet: bytes('unet'), vae: bytes('vae'), text: bytes('text') },
      adapterBytes,
      keptBytes: name === 'train' ? COPIES_KEPT * way.keptLatents * latentBytes : 0,
    });
  };
  const decodeOne = (): Promise<unknown> => decodeImages(session, [emptyLatent(session)]);
  let tuned: Tuned | null = null;
  try {
    if (settings.parts === 'resident') for (const part of Object.values(parts)) await part.load();
    await phase('text', ['text'], () => session.contexts.prepare(['', PROMPT]));
    await parts.unet.load();
    if (mode === 'train') {
      const release = textEncoder ? await parts.text.hold() : null;
      // Values, gradients and two moments.
      adapterBytes = 16 * doraParameters(trainedTargets(session, textEncoder), rank);
      await phase('train', textEncoder ? ['unet', 'text'] : ['unet'], () =>
        trainOnce(session, settings.batch, { ...way, rank, textEncoder }),
      );
      release?.();
      adapterBytes = 0;
    } else {
      const before = meter.liveBytes;
      if (rank > 0) tuned = await applyAdapter(session, freshAdapter(session, rank, textEncoder));
      adapterBytes = meter.liveBytes - before;
      await phase('generate', ['unet'], () => drawOnce(session, tuned, settings.batch, way.rule));
    }
    await phase('decode', ['unet', 'vae'], decodeOne);
    return measured;
  } finally {
    tuned?.dispose();
    session.model.dispose();
  }
}

/** The whole batch goes through the network at once, with all that a method sets beside its samples. */
function policyFor(settings: PlanSettings): ComputePolicy {
  return policyOf(settings, NO_LIMIT);
}

/** A model of one value, at the size and with the policy that is asked for. */
async function openEmpty(shape: ModelShape, settings: PlanSettings, weight: number): Promise<Session> {
  const empty = { reader: constantReader(weight), sizeBytes: 0 };
  const ids = new Array<number>(shape.text.maxTokens).fill(0);
  const model = await assembleModel(
    shape,
    { unet: empty, vae: empty, text: empty },
    {
      name: 'rehearsal',
      tokenizer: { maxTokens: ids.length, encode: () => ({ ids, used: 1, dropped: 0 }) },
      schedulerConfig: SCHEDULER,
      format: settings.weights,
      parts: settings.parts,
    },
  );
  return resizeSession(openSession(model, policyFor(settings)), settings.size);
}

async function sizesOfParts({ model }: Session, meter: BufferMeter): Promise<Record<PartName, number>> {
  const sizeOf = async (part: PartName): Promise<number> => {
    const before = meter.liveBytes;
    await model.parts[part].load();
    const bytes = meter.liveBytes - before;
    model.parts[part].leave();
    return bytes;
  };
  return { unet: await sizeOf('unet'), vae: await sizeOf('vae'), text: await sizeOf('text') };
}

async function drawOnce(session: Session, tuned: Tuned | null, batch: number, rule: DrawRule): Promise<void> {
  const candidates = Array.from({ length: batch }, (_, i) => ({ candidate: i, seed: i }));
  const drawn = drawPool(session, tuned, [{ prompt: 0, text: PROMPT, candidates }], {
    scheduler: sessionScheduler(session, 'ddpm', STEPS),
    guidance: GUIDANCE,
    batch,
    rule,
  });
  for await (const _ of drawn);
}

function freshAdapter(session: Session, rank: number, textEncoder: boolean): Adapter {
  return initAdapter('dora', rank, trainedTargets(session, textEncoder), 0);
}

function emptyLatent({ latentShape: [h, w, c] }: Session): Float32Array {
  return new Float32Array(h * w * c);
}

function doraParameters(targets: readonly Target[], rank: number): number {
  return targets.reduce((sum, { layer }) => {
    const [inputs, outputs] = layer.w.shape as [number, number];
    return sum + rank * (inputs + outputs) + outputs;
  }, 0);
}

/** One optimizer step of two micro-batches, from a fresh adapter to a checkpoint. */
async function trainOnce(
  session: Session,
  samples: number,
  { rank, textEncoder, tuning, online }: Way & { rank: number; textEncoder: boolean },
): Promise<void> {
  const row = (): CaptionedLatent => ({ text: PROMPT, latent: emptyLatent(session) });
  // A method that picks among further rows has as many as it may name.
  const beside = tuning.pick === undefined ? tuning.objective.rows - 1 : MOST_ROWS;
  const set = Array.from(
    { length: samples },
    (): TrainItem => ({ ...row(), ...(beside === 0 ? {} : { beside: Array.from({ length: beside }, row) }) }),
  );
  const round = trainRound(session, set, [], null, {
    tuning,
    batch: samples,
    accumulation: 2,
    learningRate: 1e-4,
    warmup: 0,
    clip: 1,
    weightDecay: 1e-2,
    flushAtEpochEnd: false,
    kind: 'dora',
    rank,
    textEncoder,
    iterations: 1,
    checkpointEvery: 1,
    previewEvery: 0,
    seed: 0,
    origin: { round: 0, set: '', backend: 'webgpu', kernels: {} },
    source: online && ((from) => online({ ...onlineRequest(session, samples, { rank, textEncoder }), from })),
  });
  for await (const _ of round);
}

/**
 * A round of a method that draws while it trains. What it keeps for learning on the device grows with its images and
 * steps, of which there are few here: a value network's batch is small beside a network's activations.
 */
function onlineRequest(
  session: Session,
  samples: number,
  adapter: { readonly rank: number; readonly textEncoder: boolean },
): Omit<OnlineRequest, 'from'> {
  const { sampling, training, score } = presetSettings('paper');
  return {
    session,
    spec: {
      prompts: [PROMPT],
      sampling: { ...sampling, steps: STEPS, batch: samples },
      training: { ...training, batch: samples },
      adapter: { kind: 'dora', ...adapter },
    },
    score: { scheduler: sessionScheduler(session, 'ddpm', STEPS), score, meters: [] },
    guidance: GUIDANCE,
    prompts: [{ prompt: 0, text: PROMPT }],
    pool: [],
    poolModel: async () => null,
    seed: 0,
    signal: new AbortController().signal,
  };
}

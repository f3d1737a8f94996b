/**
 * What a run takes of the device's memory and time, phase by phase: runs the real code, with parameters of the real sizes, on a
 * device that only creates buffers (or only counts them).
 */
import type { Target } from '../adapters/adapter.ts';
import type { PlanMode, PlanPhaseName, PlanSettings } from '../contract/loadPlan.ts';
import { type ComputePolicy, NO_LIMIT, policyOf } from '../contract/policy.ts';
import type { MethodChoice } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import { drawRuleOf, tuningOf } from '../methods/code.ts';
import { chosenMethod } from '../methods/registry.ts';
import { constantReader } from '../models/checkpointReader.ts';
import { assembleModel } from '../models/load.ts';
import type { ModelShape, PartName } from '../models/shape.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import { openSession, resizeSession, type Session } from '../procedures/session.ts';
import { trainedTargets } from '../procedures/trainRound.ts';
import { applyAdapter, type Tuned } from '../procedures/tuned.ts';
import { trimPool } from '../tensor/memory.ts';
import { limitSubmissions } from '../tensor/pace.ts';
import { type KernelSpeeds, secondsOf } from '../tensor/speed/kernelSpeeds.ts';
import { activeMeter, type BufferMeter } from '../tensor/webgpu/bufferMeter.ts';
import { type RehearsalOptions, rehearse } from '../tensor/webgpu/rehearsalDevice.ts';
import { watchWork } from '../tensor/webgpu/watchWork.ts';
import { drawOnce, emptyLatent, freshAdapter, PROMPT, trainOnce, type Way } from './rehearsedWork.ts';

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
  /** What its kernels take at the speeds that were given, and drawing without the adapter; absent without speeds. */
  readonly seconds?: number;
  readonly secondsUntuned?: number;
};

export type MetricNeed = { readonly name: string; readonly bytes: number };

type MeasureOptions = RehearsalOptions & {
  /** How fast the kernels are on the device that is planned for; without them nothing is timed. */
  readonly speeds?: KernelSpeeds | null | undefined;
};

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
/** The phases of a run under these settings; null where a single buffer would be larger than the device can have. */
export type Measure = (settings: PlanSettings) => Promise<readonly PhaseMemory[] | null>;

/** `measurePhases` as planning asks for it: the settings alone vary. */
export function measureOf(
  shape: ModelShape,
  request: Omit<PhaseRequest, 'settings'>,
  options: MeasureOptions = {},
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
  { speeds = null, ...options }: MeasureOptions = {},
): Promise<readonly PhaseMemory[]> {
  // Before the rehearsal, which waits for nothing but the device.
  const way = await wayOf(request);
  const before = limitSubmissions(policyFor(request.settings).submitEvery);
  try {
    return await rehearse((meter) => measure(shape, request, way, { meter, weight: 0, speeds }), options);
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
    return await measure(shape, request, way, { meter, weight: SOME_WEIGHT, speeds: null });
  } finally {
    limitSubmissions(before);
  }
}

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

/** The value of every weight, what counts the bytes, and the speeds by which work is timed. */
type Means = {
  readonly weight: number;
  readonly meter: BufferMeter;
  readonly speeds: KernelSpeeds | null;
};

async function measure(
  shape: ModelShape,
  { mode, settings, rank, textEncoder = false }: PhaseRequest,
  way: Way,
  { weight, meter, speeds }: Means,
): Promise<readonly PhaseMemory[]> {
  // Buffers that were there before are nobody's business.
  const others = meter.liveBytes;
  const session = await openEmpty(shape, settings, weight);
  const { parts } = session.model;
  const sizes = await sizesOfParts(session, meter);
  const measured: PhaseMemory[] = [];
  let adapterBytes = 0;
  const latentBytes = 4 * emptyLatent(session).length;
  const phase = async (
    name: PlanPhaseName,
    used: readonly PartName[],
    work: () => Promise<unknown>,
    more?: Pick<PhaseMemory, 'secondsUntuned'>,
  ) => {
    const resident = settings.parts === 'resident';
    const bytes = (part: PartName): number => (resident || used.includes(part) ? sizes[part] : 0);
    trimPool();
    meter.restart();
    const seconds = await secondsOfWork(speeds, work);
    measured.push({
      phase: name,
      peakBytes: meter.peakBytes - others,
      parts: { unet: bytes('unet'), vae: bytes('vae'), text: bytes('text') },
      adapterBytes,
      keptBytes: name === 'train' ? COPIES_KEPT * way.keptLatents * latentBytes : 0,
      ...(speeds === null ? {} : { seconds, ...more }),
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
      const draw = (): Promise<void> => drawOnce(session, tuned, settings.batch, way.rule);
      const secondsUntuned = speeds === null ? 0 : await secondsOfWork(speeds, draw);
      const before = meter.liveBytes;
      if (rank > 0) tuned = await applyAdapter(session, freshAdapter(session, rank, textEncoder));
      adapterBytes = meter.liveBytes - before;
      await phase('generate', ['unet'], draw, { secondsUntuned });
    }
    await phase('decode', ['unet', 'vae'], decodeOne);
    return measured;
  } finally {
    tuned?.dispose();
    session.model.dispose();
  }
}

/** Seconds of all kernels of some work; 0 without speeds. */
async function secondsOfWork(speeds: KernelSpeeds | null, work: () => Promise<unknown>): Promise<number> {
  let seconds = 0;
  await watchWork((dispatch) => {
    if (speeds !== null) seconds += secondsOf(speeds, dispatch);
  }, work);
  return seconds;
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

function doraParameters(targets: readonly Target[], rank: number): number {
  return targets.reduce((sum, { layer }) => {
    const [inputs, outputs] = layer.w.shape as [number, number];
    return sum + rank * (inputs + outputs) + outputs;
  }, 0);
}

/**
 * What fits into memory, from the shape of a model to the rows of a run:
 *
 * 1. `defaultSettings`: how a model of that shape is run, whole or as frugally as it can.
 * 2. `makePlan`: the peak of every phase under these settings, and where it is too high the first proposal that fits.
 * 3. `rowsThatFit`: the largest batches of a run within its budgets, for `policyOf`.
 *
 * Nothing here touches a device: phases are measured by the function that is passed in, `measureOf` in
 * `memoryPhases.ts`, which runs the real code on a device that only counts.
 */
import type { BackendInfo, BackendName } from '../contract/backend.ts';
import type { LoadPlan, PlanMode, PlanProposal, PlanRequest, PlanSettings } from '../contract/loadPlan.ts';
import { drawnAtOnce, NO_LIMIT, policyOf, policyOn, type RowLimits } from '../contract/policy.ts';
import type { MethodChoice } from '../contract/spec.ts';
import { type ModelShape, matrixBytes, readingBytes } from '../models/shape.ts';
import type { Measure, MetricNeed, PhaseMemory } from './memoryPhases.ts';
import { planSeconds } from './planSeconds.ts';
import { rowsOf } from './planTable.ts';

/** Device memory that a run may use where nobody said otherwise: what the full-size model needs, with room to spare. */
export const DEFAULT_BUDGETS = { generate: 2.6e9, train: 4.5e9 } as const satisfies Record<PlanMode, number>;

/** Models below this size in float32 are loaded whole and run at once. */
const SMALL_MODEL_BYTES = 0.5e9;

/** Bands of a decoded image: 16 of them take little more than the activations of one residual block. */
const BANDS = 16;

/** True for models that are run with everything resident and nothing saved. */
function isSmall({ specs }: Pick<ModelShape, 'specs'>): boolean {
  return Object.values(specs).reduce((sum, part) => sum + matrixBytes(part, 4), 0) <= SMALL_MODEL_BYTES;
}

/** What the engine does with a model on a backend, unless memory asks for less. */
export function defaultSettings(
  shape: ModelShape,
  asked: { readonly backend: BackendName; readonly size: number | null; readonly batch: number },
): PlanSettings {
  const whole: PlanSettings = {
    size: asked.size ?? shape.unet.sampleSize * shape.vae.factor,
    batch: asked.batch,
    weights: 'f32',
    parts: 'resident',
    sweep: 'whole',
    decodeBands: 1,
  };
  return isSmall(shape) ? whole : frugalSettings(whole, asked.backend);
}

/** What a run with that batch does with it on a device, in one of its modes. */
export function plannedSettings(
  shape: ModelShape,
  { on, mode, size, batch }: PlanAsked & { readonly on: Pick<BackendInfo, 'name' | 'adapter'> },
): PlanSettings {
  const settings = defaultSettings(shape, { backend: on.name, size, batch });
  if (mode === 'train') return settings;
  return { ...settings, batch: drawnAtOnce(policyOn(policyOf(settings, NO_LIMIT), on), batch) };
}

/** The same with everything that saves memory, whatever it costs in time. */
export function frugalSettings(settings: PlanSettings, backend: BackendName): PlanSettings {
  const weights = backend === 'webgpu' ? 'f16' : 'f32';
  return { ...settings, weights, parts: 'byPhase', sweep: 'byStage', decodeBands: BANDS };
}

type PlanAsked = Pick<PlanRequest, 'mode' | 'size' | 'batch'>;

type PlanInput = {
  readonly model: string;
  readonly backend: BackendName;
  readonly mode: PlanMode;
  readonly shape: ModelShape;
  readonly settings: PlanSettings;
  readonly budgetBytes: number;
  readonly measure: Measure;
  /** MI-TUNE and guidance alone where absent. */
  readonly method?: MethodChoice | undefined;
  readonly drawnBy?: MethodChoice | undefined;
};

/** The plan without its trial. */
export async function makePlan(input: PlanInput): Promise<LoadPlan> {
  const { model, backend, mode, settings, shape, budgetBytes } = input;
  const measured = await input.measure(settings);
  const peakBytes = peakOf(measured);
  const fits = peakBytes <= budgetBytes;
  return {
    model,
    backend,
    mode,
    settings,
    rows: measured?.flatMap((phase) => rowsOf(phase, shape, settings)) ?? [],
    phases: (measured ?? []).map(({ phase, peakBytes: bytes }) => ({ phase, peakBytes: bytes })),
    seconds: planSeconds(measured ?? [], input),
    peakBytes,
    loadingBytes: readingBytes(shape.specs, settings.weights),
    budgetBytes,
    fits,
    trial: 'skipped',
    proposal: fits ? null : await propose(input),
  };
}

/**
 * A measure with what metrics take beside, as their networks were measured. Where all of a model is on the device they join it as
 * images are drawn, all of them; else each has the device with the decoder, one after another, and the UNet is away.
 */
export function withMetrics(measure: Measure, metrics: readonly MetricNeed[]): Measure {
  if (metrics.length === 0) return measure;
  return async (settings) => {
    const phases = await measure(settings);
    const decode = phases?.find(({ phase }) => phase === 'decode');
    if (phases === null || decode === undefined) return phases;
    const { parts, peakBytes } = decode;
    const resident = settings.parts === 'resident';
    const [largest] = metrics.toSorted((a, b) => b.bytes - a.bytes) as [MetricNeed];
    const metric: MetricNeed = resident
      ? {
          name: metrics.map(({ name }) => name).join(', '),
          bytes: metrics.reduce((sum, { bytes }) => sum + bytes, 0),
        }
      : largest;
    const beside = resident ? peakBytes : peakBytes - parts.unet;
    return [
      ...phases,
      {
        ...decode,
        phase: 'measure',
        parts: resident ? parts : { ...parts, unet: 0 },
        peakBytes: beside + metric.bytes,
        metric,
      },
    ];
  };
}

export type RowsAsked = Pick<PlanInput, 'measure' | 'budgetBytes'> & { readonly batch: number };

/**
 * The batches of a run that fit, up to the asked ones. Where not even one row fits, one is tried all the same: budgets
 * are guesses.
 * @param rowsOfSample rows of one training sample in the network
 */
export async function rowsThatFit(
  settings: PlanSettings,
  asked: Readonly<Record<PlanMode, RowsAsked>>,
  rowsOfSample: number,
): Promise<RowLimits> {
  const rows = async ({ batch, measure, budgetBytes }: RowsAsked): Promise<number> =>
    (await largestBatch({ ...settings, batch }, measure, budgetBytes)) ?? 1;
  return { drawRows: await rows(asked.generate), trainRows: rowsOfSample * (await rows(asked.train)) };
}

/** About the largest batch up to the asked one whose peak fits: peaks grow by much the same with every image. Null: none. */
async function largestBatch(
  settings: PlanSettings,
  measure: Measure,
  budgetBytes: number,
): Promise<number | null> {
  const peakAt = async (batch: number): Promise<number> => peakOf(await measure({ ...settings, batch }));
  const one = await peakAt(1);
  if (one > budgetBytes) return null;
  if (settings.batch === 1) return 1;
  const each = (await peakAt(2)) - one;
  const more = each > 0 ? Math.floor((budgetBytes - one) / each) : settings.batch;
  let batch = Math.min(settings.batch, 1 + more);
  // Buffers that wait to be used again make the growth uneven, and a single one may be more than the device binds.
  while (batch > 1 && (await peakAt(batch)) > budgetBytes) batch = Math.floor(batch * SMALLER_BATCH);
  return batch;
}

/**
 * The first of these that fits: a smaller batch; smaller images too. The rest is not for the user to choose: a large
 * model runs as frugally as it can in any case (`defaultSettings`).
 */
async function propose(input: PlanInput): Promise<PlanProposal | null> {
  const { settings, shape, measure, budgetBytes } = input;
  const step = 8 * shape.vae.factor;
  const sizes = SMALLER_SIZES.map((share) => Math.round((settings.size * share) / step) * step);
  const smaller = sizes.filter((size) => size > 0 && size < settings.size);
  const ways = [settings, ...smaller.map((size) => ({ ...settings, size }))];
  for (const way of ways) {
    const batch = await largestBatch(way, measure, budgetBytes);
    if (batch === null) continue;
    const chosen = { ...way, batch };
    const peakBytes = peakOf(await measure(chosen));
    return { settings: chosen, peakBytes, changes: describeChanges(settings, chosen) };
  }
  return null;
}

const SMALLER_SIZES = [3 / 4, 1 / 2, 1 / 4] as const;
const SMALLER_BATCH = 0.8;

function describeChanges(from: PlanSettings, to: PlanSettings): string[] {
  const images = (count: number): string => `${count} ${count === 1 ? 'image' : 'images'}`;
  const changes: (string | false)[] = [
    to.batch !== from.batch && `${images(to.batch)} at a time instead of ${from.batch}`,
    to.size !== from.size && `images of ${to.size} pixels instead of ${from.size}`,
  ];
  return changes.filter((change) => change !== false);
}

function peakOf(phases: readonly PhaseMemory[] | null): number {
  return phases === null ? Number.POSITIVE_INFINITY : Math.max(...phases.map((p) => p.peakBytes));
}

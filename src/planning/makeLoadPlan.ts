/** Makes load plans: measures the phases on a device that only counts, and looks for what fits where the asked does not. */
import type {
  LoadPlan,
  PlanMode,
  PlanPhaseName,
  PlanProposal,
  PlanRow,
  PlanSettings,
} from '../contract/loadPlan.ts';
import { StudioError } from '../lib/errors.ts';
import { type ModelShape, readingBytes, tableBytes } from '../models/shape.ts';
import { measurePhases, type PhaseMemory, type PhaseRequest } from './memoryPhases.ts';

/** Device memory that a run may use where nobody said otherwise: what the full-size model needs, with room to spare. */
export const DEFAULT_BUDGETS = { generate: 2.6e9, train: 4.5e9 } as const satisfies Record<PlanMode, number>;

export type PlanInput = PhaseRequest & {
  readonly model: string;
  readonly backend: LoadPlan['backend'];
  readonly shape: ModelShape;
  readonly budgetBytes: number;
  readonly limits?: Readonly<Record<string, number>> | undefined;
};

/** The plan without its trial. */
export async function makePlan(input: PlanInput): Promise<LoadPlan> {
  const { model, backend, mode, settings, shape, budgetBytes } = input;
  const measured = await measure(input, settings);
  const peakBytes = peakOf(measured);
  const fits = peakBytes <= budgetBytes;
  return {
    model,
    backend,
    mode,
    settings,
    rows: measured?.flatMap((phase) => rowsOf(phase, shape, settings)) ?? [],
    phases: (measured ?? []).map(({ phase, peakBytes: bytes }) => ({ phase, peakBytes: bytes })),
    peakBytes,
    loadingBytes: readingBytes(shape.specs, settings.weights),
    budgetBytes,
    fits,
    trial: 'skipped',
    proposal: fits ? null : await propose(input),
  };
}

/** About the largest batch up to the asked one whose peak fits: peaks grow by much the same with every image. Null: none. */
export async function largestBatch(input: PlanInput, settings: PlanSettings): Promise<number | null> {
  const one = peakOf(await measure(input, { ...settings, batch: 1 }));
  if (one > input.budgetBytes) return null;
  if (settings.batch === 1) return 1;
  const each = peakOf(await measure(input, { ...settings, batch: 2 })) - one;
  const more = each > 0 ? Math.floor((input.budgetBytes - one) / each) : settings.batch;
  let batch = Math.min(settings.batch, 1 + more);
  // Buffers that wait to be used again make the growth uneven, and a single one may be more than the device binds.
  while (batch > 1 && peakOf(await measure(input, { ...settings, batch })) > input.budgetBytes)
    batch = Math.floor(batch * SMALLER_BATCH);
  return batch;
}

/**
 * The first of these that fits: a smaller batch; smaller images too. The rest is not for the user to choose: a large
 * model runs as frugally as it can in any case (`defaultSettings`).
 */
async function propose(input: PlanInput): Promise<PlanProposal | null> {
  const { settings, shape } = input;
  const step = 8 * shape.vae.factor;
  const sizes = SMALLER_SIZES.map((share) => Math.round((settings.size * share) / step) * step);
  const smaller = sizes.filter((size) => size > 0 && size < settings.size);
  const ways = [settings, ...smaller.map((size) => ({ ...settings, size }))];
  for (const way of ways) {
    const batch = await largestBatch(input, way);
    if (batch === null) continue;
    const chosen = { ...way, batch };
    const peakBytes = peakOf(await measure(input, chosen));
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

/** Null where a single buffer would be larger than the device can have. */
async function measure(
  { shape, mode, rank, textEncoder, limits }: PlanInput,
  settings: PlanSettings,
): Promise<readonly PhaseMemory[] | null> {
  try {
    return await measurePhases(shape, { mode, settings, rank, textEncoder }, { limits });
  } catch (error) {
    if (error instanceof StudioError && IMPOSSIBLE.has(error.code)) return null;
    throw error;
  }
}

const IMPOSSIBLE: ReadonlySet<string> = new Set(['tensor-too-large', 'dispatch-too-large']);

function peakOf(phases: readonly PhaseMemory[] | null): number {
  return phases === null ? Number.POSITIVE_INFINITY : Math.max(...phases.map((p) => p.peakBytes));
}

const PART_NAMES = {
  unet: 'UNet weights',
  vae: 'Image decoder weights',
  text: 'Text encoder weights',
} as const;

/** The weights with their vectors, what belongs to the adapter, and all the rest that the peak holds. */
function rowsOf(measured: PhaseMemory, shape: ModelShape, { weights }: PlanSettings): PlanRow[] {
  const { phase, peakBytes, parts, adapterBytes } = measured;
  const device = (what: string, precision: PlanRow['precision'], bytes: number): PlanRow[] =>
    bytes > 0 ? [{ phase, what, where: 'device', precision, bytes }] : [];
  const known = parts.unet + parts.vae + parts.text + adapterBytes;
  return [
    ...device(PART_NAMES.text, weights, parts.text),
    ...device(PART_NAMES.unet, weights, parts.unet),
    ...device(PART_NAMES.vae, weights, parts.vae),
    ...device(adapterWords(phase), 'f32', adapterBytes),
    ...device('Activations, biases and free buffers', 'f32', peakBytes - known),
    ...(parts.text > 0
      ? [
          {
            phase,
            what: 'Table of token embeddings',
            where: 'memory' as const,
            precision: weights,
            bytes: tableBytes(shape.specs.text, weights),
          },
        ]
      : []),
  ];
}

function adapterWords(phase: PlanPhaseName): string {
  return phase === 'train' ? 'Adapter, gradients and moments' : 'Adapter';
}

/**
 * The choice between the forms of a kernel. Which is fastest depends on the GPU, so they are timed once per GPU; the
 * choice goes into every checkpoint, since another form may round differently.
 */
import { steadyMs } from '../../lib/clock.ts';
import { settle } from '../pace.ts';
import { sizeOf, type Tensor, type TensorInfo, tf, WebGPUBackend } from '../tf.ts';
import { disposeWeight, makeWeight } from '../weights.ts';
import { computesOnCpu } from './adapter.ts';
import { launchAttention, launchAttentionGradient } from './attention.ts';
import { u32 } from './launch.ts';
import { launchOneProduct } from './products.ts';
import {
  chooseVariant,
  chosenVariant,
  type KernelOp,
  type KernelVariant,
  kernelOps,
  type ProductOp,
  variantsOf,
} from './variantState.ts';

export type KernelVariants = Readonly<Record<KernelOp, KernelVariant>>;

/** The form in use by op, as plain data for checkpoints. */
export function kernelVariants(): KernelVariants {
  return forOps((op) => chosenVariant(op));
}

/**
 * Uses recorded forms: what `kernelVariants` or `measureKernelVariants` gave, perhaps on another device or in another
 * version. Ops that are not in it get the default.
 *
 * @returns the ops whose form this device does not have; they get the default
 */
export function useKernelVariants(recorded: Readonly<Record<string, string>>): string[] {
  return apply(recorded);
}

function apply(recorded: Readonly<Record<string, string>>): string[] {
  const missing: string[] = [];
  for (const op of kernelOps) {
    const available = availableVariants(op);
    const found = available.find((variant) => variant === recorded[op]);
    if (found === undefined && recorded[op] !== undefined) missing.push(op);
    choose(op, found ?? (available[0] as KernelVariant));
  }
  return missing;
}

/** Forms that are not to be used although the device can run them, by op: those that gave wrong numbers on it. */
let excluded: Readonly<Record<string, readonly string[]>> = {};

/** Replaces the forms that are not offered any more; ops that use one of them go to another. */
export function excludeVariants(forms: Readonly<Record<string, readonly string[]>>): void {
  excluded = forms;
  apply(kernelVariants());
}

/** Forms of an op that the active device can run. On wasm they mean nothing, and only the default is offered. */
export function availableVariants(op: KernelOp): readonly KernelVariant[] {
  const backend = tf.backend();
  const all: readonly KernelVariant[] = variantsOf[op];
  if (!(backend instanceof WebGPUBackend)) return all.slice(0, 1);
  const able = all.filter((variant) => variant !== 'subgroups' || backend.device.features.has('subgroups'));
  const right = able.filter((variant) => !excluded[op]?.includes(variant));
  // Without a right one nothing can be computed, which whoever excluded them all has to say.
  return right.length === 0 ? all.slice(0, 1) : right;
}

/** Only forms of the op get here. */
function choose(op: KernelOp, variant: KernelVariant): void {
  chooseVariant(op, variant as 'registers');
}

function forOps(of: (op: KernelOp) => KernelVariant): Record<KernelOp, KernelVariant> {
  return Object.fromEntries(kernelOps.map((op) => [op, of(op)])) as Record<KernelOp, KernelVariant>;
}

/** Sizes of a trial: an image of side x side tokens. */
type Trial = { readonly side: number; readonly channels: number; readonly heads: number };

/** First the small sizes; the large ones only where those were quick, as they are on every fast GPU. */
const small: Trial = { side: 16, channels: 128, heads: 2 };
/** The second level of SD-2.1. */
const large: Trial = { side: 32, channels: 640, heads: 10 };

/** A form that takes longer on the small sizes decides there: a thousandth of a large GPU's speed. */
const quickMs = 2;
const repeats = 3;

export type MeasureOptions = {
  /** Ops that have not been timed when this time is used up keep their default. */
  readonly budgetMs?: number;
  /** Also time software adapters, where it takes many seconds and the defaults are known to be fastest. */
  readonly softwareToo?: boolean;
};

/**
 * Times every form of every op on halves and gives the fastest of each. The forms in use stay as they were; on wasm and,
 * unless asked for, on software adapters nothing is timed and the defaults are given.
 */
export async function measureKernelVariants({
  budgetMs = 1000,
  softwareToo = false,
}: MeasureOptions = {}): Promise<Record<KernelOp, KernelVariant>> {
  const best = forOps((op) => availableVariants(op)[0] as KernelVariant);
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) return best;
  if (!softwareToo && computesOnCpu(backend.device.adapterInfo)) return best;
  const before = kernelVariants();
  const end = steadyMs() + budgetMs;
  try {
    for (const op of kernelOps) {
      if (steadyMs() > end) break;
      const first = await timeVariants(backend, op, small);
      const quick = Math.min(...first.values()) < quickMs;
      const times = quick ? await timeVariants(backend, op, large) : first;
      best[op] = [...times].reduce((a, b) => (b[1] < a[1] ? b : a))[0];
    }
  } finally {
    apply(before);
  }
  return best;
}

/** Milliseconds of each form: the fastest of a few interleaved runs, after one to compile. */
async function timeVariants(
  backend: WebGPUBackend,
  op: KernelOp,
  sizes: Trial,
): Promise<Map<KernelVariant, number>> {
  const variants = availableVariants(op);
  const times = new Map(variants.map((variant) => [variant, Number.POSITIVE_INFINITY]));
  const trial = op.startsWith('attention')
    ? attentionTrial(backend, op === 'attention_gradient', sizes)
    : productTrial(backend, op as ProductOp, sizes);
  try {
    for (let run = -1; run < repeats; run++) {
      for (const variant of variants) {
        choose(op, variant);
        const start = steadyMs();
        for (const output of trial.run()) backend.disposeData(output.dataId);
        await settle();
        const elapsed = steadyMs() - start;
        if (run >= 0) times.set(variant, Math.min(times.get(variant) as number, elapsed));
      }
    }
  } finally {
    trial.dispose();
  }
  return times;
}

type RunningTrial = { run(): TensorInfo[]; dispose(): void };

function productTrial(backend: WebGPUBackend, op: ProductOp, { side, channels }: Trial): RunningTrial {
  const isConv = op.startsWith('conv2d');
  const shape = isConv ? [3, 3, channels, channels] : [channels, channels];
  const weight = makeWeight(new Uint16Array(sizeOf(shape)), shape, 'f16', `trial of ${op}`);
  const x: Tensor = tf.keep(tf.zeros([side * side, channels]));
  const rows = side * side;
  const product = { op, x, weight, outputShape: x.shape, rows, depth: channels, width: channels };
  const sizes = [side, side, side, side, 3, 3, 1, 1, 1, ...(op === 'conv2d' ? [side, side] : [])];
  const conv = {
    ...product,
    geometry: sizes.map(u32),
    terms: 9 * channels,
    constants: op === 'conv2d' ? { upsampled: false } : {},
  };
  return {
    run: () => [launchOneProduct(backend, isConv ? conv : product)],
    dispose() {
      x.dispose();
      disposeWeight(weight);
    },
  };
}

function attentionTrial(
  backend: WebGPUBackend,
  gradient: boolean,
  { side, channels, heads }: Trial,
): RunningTrial {
  const options = { heads, causal: false };
  const x: Tensor = tf.keep(tf.zeros([1, side * side, channels]));
  const state: Tensor = tf.keep(tf.zeros([1, heads, side * side]));
  const inputs = { q: x, k: x, v: x };
  return {
    run: () =>
      gradient
        ? launchAttentionGradient(backend, { ...inputs, o: x, state, dy: x }, options)
        : launchAttention(backend, inputs, options),
    dispose() {
      tf.dispose([x, state]);
    },
  };
}

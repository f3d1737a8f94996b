/**
 * The choice between the forms of a kernel. Which is fastest depends on the GPU, so they are timed once per GPU; the
 * choice goes into every checkpoint, since another form may round differently.
 */
import { steadyMs } from '../../lib/clock.ts';
import { settle } from '../pace.ts';
import { trialSizes } from '../speed/trialInputs.ts';
import { tf, WebGPUBackend } from '../tf.ts';
import { computesOnCpu } from './adapter.ts';
import { compileAhead } from './launch.ts';
import { makeTrial } from './trials.ts';
import {
  chooseVariant,
  chosenVariant,
  type KernelOp,
  type KernelVariant,
  kernelOps,
  variantsOf,
} from './variantState.ts';

type KernelVariants = Readonly<Record<KernelOp, KernelVariant>>;

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

type MeasureOptions = {
  /** Ops that have not been timed when this time is used up keep their default. */
  readonly budgetMs?: number;
  /** Also time software adapters, where it takes many seconds and the defaults are known to be fastest. */
  readonly softwareToo?: boolean;
};

/**
 * Times every form of every op on halves and gives the fastest of each: the one with the smallest product of its times on
 * the sizes of the shapes model and of Stable Diffusion. The forms in use stay as they were; on wasm and, unless asked for,
 * on software adapters nothing is timed and the defaults are given.
 */
export async function measureKernelVariants({
  budgetMs = 1000,
  softwareToo = false,
}: MeasureOptions = {}): Promise<Record<KernelOp, KernelVariant>> {
  const backend = tf.backend();
  const slow = !(backend instanceof WebGPUBackend) || computesOnCpu(backend.device.adapterInfo);
  const best = forOps((op) => defaultOf(op, slow));
  if (!(backend instanceof WebGPUBackend) || (slow && !softwareToo)) return best;
  const before = kernelVariants();
  const end = steadyMs() + budgetMs;
  try {
    for (const op of kernelOps) {
      if (steadyMs() > end) break;
      best[op] = await fastest(backend, op, end);
    }
  } finally {
    apply(before);
  }
  return best;
}

/** What is used where nothing was timed: on a GPU, products through workgroup memory. */
function defaultOf(op: KernelOp, slow: boolean): KernelVariant {
  const available = availableVariants(op);
  return !slow && available.includes('tiles') ? 'tiles' : (available[0] as KernelVariant);
}

/** The form of an op with the smallest product of times over all trials that the time allows. */
async function fastest(backend: WebGPUBackend, op: KernelOp, end: number): Promise<KernelVariant> {
  const forms = availableVariants(op);
  const sums = new Map(forms.map((form) => [form, 0]));
  for (const sizes of trialSizes) {
    const trial = makeTrial(backend, op, sizes);
    try {
      const run = (form: KernelVariant): void => {
        choose(op, form);
        for (const output of trial.run()) backend.disposeData(output.dataId);
      };
      await compileAhead(backend, () => {
        for (const form of forms) run(form);
      });
      // What takes long even so is not measured to the end.
      const times = await timeForms(forms, run, end);
      for (const [form, ms] of times) sums.set(form, (sums.get(form) as number) + Math.log(ms));
    } finally {
      trial.dispose();
    }
    if (steadyMs() > end) break;
  }
  return [...sums].reduce((a, b) => (b[1] < a[1] ? b : a))[0];
}

/** So long all runs together take that a wait for the GPU, some milliseconds, does not decide. */
const longEnoughMs = 8;
const mostRuns = 64;

/** Milliseconds of one run of each form: as many one after another as it takes to see a difference, then one wait. */
async function timeForms(
  forms: readonly KernelVariant[],
  run: (form: KernelVariant) => void,
  end: number,
): Promise<Map<KernelVariant, number>> {
  const times = new Map<KernelVariant, number>();
  for (const form of forms) {
    let elapsed = 0;
    for (let runs = 1; ; runs *= 4) {
      const start = steadyMs();
      for (let i = 0; i < runs; i++) run(form);
      await settle();
      elapsed = (steadyMs() - start) / runs;
      if (elapsed * runs >= longEnoughMs || runs >= mostRuns || steadyMs() > end) break;
    }
    times.set(form, elapsed);
  }
  return times;
}

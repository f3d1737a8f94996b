/**
 * Whether the kernels give right numbers on this very GPU. Drivers miscompile: every form of every kernel runs small
 * cases and is held against plain loops, before the first run relies on it.
 */
import { tf, WebGPUBackend } from '../tf.ts';
import { chooseVariant, chosenVariant, type KernelVariant } from '../webgpu/variantState.ts';
import { availableVariants } from '../webgpu/variants.ts';
import type { Check, KernelCase } from './checks.ts';
import { FORM_CASES } from './formCases.ts';
import { SINGLE_CASES } from './singleCases.ts';

export type SelfTest = {
  /** Forms that were held against their reference. */
  readonly tested: number;
  /** Forms that gave wrong numbers, by op, of kernels that have several. */
  readonly wrongForms: Readonly<Record<string, readonly string[]>>;
  /** Kernels none of whose forms gave right numbers: without them nothing can be computed. */
  readonly wrongKernels: readonly string[];
};

/** Largest difference relative to the largest value: a hundred times what rounding makes of these sizes. */
const TOLERANCE = 2e-4;

export const KERNEL_CASES: readonly KernelCase[] = [...FORM_CASES, ...SINGLE_CASES];

/**
 * Tests all kernels on the active backend; nothing on wasm. The forms in use stay as they were. Everything is launched
 * before anything is read back, so that the GPU compiles and computes while the references are being made, and nobody
 * waits for each of some two hundred answers.
 */
export async function testKernels(cases: readonly KernelCase[] = KERNEL_CASES): Promise<SelfTest> {
  if (!(tf.backend() instanceof WebGPUBackend)) return { tested: 0, wrongForms: {}, wrongKernels: [] };
  const engine = tf.engine();
  engine.startScope();
  const launched: {
    readonly testCase: KernelCase;
    readonly form: KernelVariant | null;
    right: Promise<boolean>;
  }[] = [];
  try {
    for (const testCase of cases) {
      for (const form of testCase.op === null ? [null] : availableVariants(testCase.op))
        launched.push({ testCase, form, right: launchForm(testCase, form) });
    }
    const results = await Promise.all(launched.map(({ right }) => right));
    const wrong = launched.filter((_, i) => !results[i]);
    const wrongForms: Record<string, readonly KernelVariant[]> = {};
    for (const { testCase, form } of wrong) {
      if (testCase.op !== null && form !== null)
        wrongForms[testCase.op] = [...(wrongForms[testCase.op] ?? []), form];
    }
    const wrongKernels = cases.filter((c) =>
      launched.every(({ testCase }, i) => testCase !== c || !results[i]),
    );
    return { tested: launched.length, wrongForms, wrongKernels: wrongKernels.map(({ kernel }) => kernel) };
  } finally {
    engine.endScope();
  }
}

/** Runs a case with a form of its kernel. What it makes lives until the scope around it ends. */
function launchForm(testCase: KernelCase, form: KernelVariant | null): Promise<boolean> {
  const { op } = testCase;
  if (op === null || form === null) return launch(testCase);
  const before = chosenVariant(op);
  try {
    chooseVariant(op, form as 'registers');
    return launch(testCase);
  } finally {
    chooseVariant(op, before);
  }
}

/** True if the numbers are right. A case that does not compile or run is as wrong as one with other numbers. */
function launch({ run }: KernelCase): Promise<boolean> {
  const { device } = tf.backend() as WebGPUBackend;
  // An error in here speaks of one form; outside it would pass for the loss of the device.
  device.pushErrorScope('validation');
  let reads: Promise<boolean>;
  try {
    const checks: readonly Check[] = run();
    const values = checks.map(({ actual }) => actual.data());
    reads = Promise.all(values).then((all) =>
      checks.every(({ expected }, i) => agrees(all[i] as ArrayLike<number>, expected)),
    );
  } catch {
    reads = Promise.resolve(false);
  }
  const refused = device.popErrorScope();
  return Promise.all([reads.catch(() => false), refused]).then(([right, error]) => right && error === null);
}

function agrees(actual: ArrayLike<number>, expected: ArrayLike<number>): boolean {
  if (actual.length !== expected.length) return false;
  let peak = 0;
  for (let i = 0; i < expected.length; i++) peak = Math.max(peak, Math.abs(expected[i] as number));
  for (let i = 0; i < expected.length; i++) {
    // Written so that a NaN is wrong.
    if (!(Math.abs((actual[i] as number) - (expected[i] as number)) <= TOLERANCE * peak)) return false;
  }
  return true;
}

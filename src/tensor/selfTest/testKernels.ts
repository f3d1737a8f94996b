/**
 * Whether the kernels give right numbers on this very GPU. Drivers miscompile: every form of every kernel runs small
 * cases and is held against plain loops, before the first run relies on it.
 */
import { tf, WebGPUBackend } from '../tf.ts';
import { compileAhead } from '../webgpu/launch.ts';
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
 * Tests all kernels on the active backend; nothing on wasm. The forms in use stay as they were. Nearly all of the time goes
 * into compiling, which is done for all forms at once; and everything is launched before anything is read back, so that
 * nobody waits for each of some two hundred answers.
 */
export async function testKernels(cases: readonly KernelCase[] = KERNEL_CASES): Promise<SelfTest> {
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) return { tested: 0, wrongForms: {}, wrongKernels: [] };
  await compileForms(backend, cases);
  const engine = tf.engine();
  engine.startScope();
  const launched: {
    readonly testCase: KernelCase;
    readonly form: KernelVariant | null;
    right: Promise<boolean>;
  }[] = [];
  try {
    for (const testCase of cases) {
      for (const form of formsOf(testCase))
        launched.push({ testCase, form, right: withForm(testCase, form, () => launch(testCase)) });
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

/** What does not compile, or not even run, is found where it is tested. */
async function compileForms(backend: WebGPUBackend, cases: readonly KernelCase[]): Promise<void> {
  const { device } = backend;
  const engine = tf.engine();
  device.pushErrorScope('validation');
  const compiled = compileAhead(backend, () => {
    engine.startScope();
    for (const testCase of cases) {
      for (const form of formsOf(testCase)) {
        try {
          withForm(testCase, form, testCase.run);
        } catch {
          // Of what it launched before, all is known.
        }
      }
    }
    engine.endScope();
  });
  // Shaders are handed over by now; whether they compile is told later.
  await Promise.all([compiled, device.popErrorScope()]);
}

function formsOf({ op }: KernelCase): readonly (KernelVariant | null)[] {
  return op === null ? [null] : availableVariants(op);
}

/** Works with a form of a case's kernel. What is made lives until the scope around it ends. */
function withForm<T>({ op }: KernelCase, form: KernelVariant | null, work: () => T): T {
  if (op === null || form === null) return work();
  const before = chosenVariant(op);
  try {
    chooseVariant(op, form as 'registers');
    return work();
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

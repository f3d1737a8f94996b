/**
 * Whether the kernels give right numbers on this very GPU. Drivers miscompile: every form of every kernel runs small
 * cases and is held against plain loops, before the first run relies on it.
 */
import { tf, WebGPUBackend } from '../tf.ts';
import { chooseVariant, chosenVariant, type KernelOp, type KernelVariant } from '../webgpu/variantState.ts';
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

/** Tests all kernels on the active backend; nothing on wasm. The forms in use stay as they were. */
export async function testKernels(cases: readonly KernelCase[] = KERNEL_CASES): Promise<SelfTest> {
  if (!(tf.backend() instanceof WebGPUBackend)) return { tested: 0, wrongForms: {}, wrongKernels: [] };
  let tested = 0;
  const wrongForms: Record<string, readonly KernelVariant[]> = {};
  const wrongKernels: string[] = [];
  for (const testCase of cases) {
    const { kernel, op } = testCase;
    if (op === null) {
      tested++;
      if (!(await isRight(testCase))) wrongKernels.push(kernel);
      continue;
    }
    const forms = availableVariants(op);
    const wrong = await wrongOf(testCase, op, forms);
    tested += forms.length;
    if (wrong.length > 0) wrongForms[op] = wrong;
    if (wrong.length === forms.length) wrongKernels.push(kernel);
  }
  return { tested, wrongForms, wrongKernels };
}

async function wrongOf(
  testCase: KernelCase,
  op: KernelOp,
  forms: readonly KernelVariant[],
): Promise<readonly KernelVariant[]> {
  const before = chosenVariant(op);
  const wrong: KernelVariant[] = [];
  try {
    for (const form of forms) {
      chooseVariant(op, form as 'registers');
      if (!(await isRight(testCase))) wrong.push(form);
    }
  } finally {
    chooseVariant(op, before);
  }
  return wrong;
}

/** A case that does not compile or run is as wrong as one with other numbers. */
async function isRight({ run }: KernelCase): Promise<boolean> {
  const { device } = tf.backend() as WebGPUBackend;
  // An error in here speaks of one form; outside it would pass for the loss of the device.
  device.pushErrorScope('validation');
  tf.engine().startScope();
  let right = false;
  try {
    const checks: readonly Check[] = run();
    const values = await Promise.all(checks.map(({ actual }) => actual.data()));
    right = checks.every(({ expected }, i) => agrees(values[i] as ArrayLike<number>, expected));
  } catch {
    right = false;
  } finally {
    tf.engine().endScope();
  }
  return (await device.popErrorScope()) === null && right;
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

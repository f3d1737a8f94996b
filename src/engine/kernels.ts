/**
 * Which form of each kernel runs: tested and timed once per GPU, and for a run that goes on the forms it was begun with.
 */
import * as v from 'valibot';
import type { BackendInfo } from '../contract/backend.ts';
import type { BackendReport } from '../contract/runTypes.ts';
import type { ComputedBy } from '../storage/runRecord.ts';
import { type SelfTest, testKernels } from '../tensor/selfTest/testKernels.ts';
import { restoreWasmForms, wasmFormsInUse } from '../tensor/wasm/forms.ts';
import {
  useKernelVariants as applyVariants,
  excludeVariants,
  kernelVariants,
  measureKernelVariants,
} from '../tensor/webgpu/variants.ts';
import { foundOnMachine } from './foundOnMachine.ts';

const testSchema = v.object({
  tested: v.number(),
  wrongForms: v.record(v.string(), v.array(v.string())),
  wrongKernels: v.array(v.string()),
});
const foundSchema = v.object({ variants: v.record(v.string(), v.string()), test: testSchema });

/** What the self-test of the GPU in use found; null where nothing is tested. */
let found: SelfTest | null = null;

/**
 * Uses the fastest forms for this GPU that give right numbers, which are tested and timed at the first start on it. On
 * wasm and on software adapters nothing is tested.
 * @returns kernels none of whose forms gives right numbers: then this GPU is of no use
 */
export async function chooseKernels(
  info: BackendInfo,
  test: () => Promise<SelfTest> = testKernels,
): Promise<readonly string[]> {
  found = null;
  excludeVariants({});
  if (info.name !== 'webgpu') return [];
  if (info.adapter?.software === true) {
    // A software adapter has no driver that could go wrong, and takes long over every kernel.
    applyVariants(await measureKernelVariants());
    return [];
  }
  const remembered = { setting: 'kernels', schema: foundSchema, of: info.features };
  const { variants, test: tested } = await foundOnMachine(info, remembered, async () => {
    const fresh = await test();
    // Only forms that are right are timed.
    excludeVariants(fresh.wrongForms);
    return { variants: await measureKernelVariants(), test: fresh };
  });
  found = tested;
  excludeVariants(found.wrongForms);
  applyVariants(variants);
  return found.wrongKernels;
}

/**
 * Uses the forms that a run was begun with, as far as this GPU has them, so that it goes on to the same bits.
 * @returns kernels whose form it does not have, or only with wrong numbers
 */
export function restoreKernels(recorded: Readonly<Record<string, string>>): readonly string[] {
  return applyVariants({ ...kernelVariants(), ...recorded });
}

/**
 * Uses the forms that a run was begun with on this backend, or for any other run the fastest.
 * @returns kernels whose form is not to be had here
 */
export async function restoreForms(
  info: BackendInfo,
  computedBy: ComputedBy | undefined,
): Promise<readonly string[]> {
  const recorded = computedBy?.backend === info.name ? computedBy.kernels : undefined;
  if (info.name === 'wasm') return restoreWasmForms(recorded);
  await chooseKernels(info);
  return recorded === undefined ? [] : restoreKernels(recorded);
}

/** The forms in use, for checkpoints. */
export function kernelsInUse(info: BackendInfo): Readonly<Record<string, string>> {
  return info.name === 'webgpu' ? kernelVariants() : wasmFormsInUse();
}

/** What the self-test found, for the page and reports: the number of forms, and those that are not used. */
export function selfTestReport(): { readonly tested: number; readonly wrong: readonly string[] } | null {
  if (found === null) return null;
  const wrong = Object.entries(found.wrongForms).flatMap(([op, forms]) =>
    forms.map((form) => `${op.replaceAll('_', ' ')} (${form})`),
  );
  return { tested: found.tested, wrong };
}

/** The report's form of a backend. */
export function reportBackend(info: BackendInfo): BackendReport {
  const { name, reason, adapter, precision, threads, cores } = info;
  return {
    name,
    reason,
    adapter:
      adapter === undefined
        ? null
        : { vendor: adapter.vendor, architecture: adapter.architecture, description: adapter.description },
    precision,
    ...(threads === undefined ? {} : { threads }),
    ...(cores === undefined ? {} : { cores }),
    kernels: kernelsInUse(info),
    selfTest: selfTestReport(),
  };
}

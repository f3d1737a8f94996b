/** Which form of each kernel runs: timed once per GPU, and for a run that goes on the forms it was begun with. */
import * as v from 'valibot';
import type { BackendInfo } from '../contract/backend.ts';
import { readSetting, writeSetting } from '../storage/kv.ts';
import {
  useKernelVariants as applyVariants,
  kernelVariants,
  measureKernelVariants,
} from '../tensor/webgpu/variants.ts';

const variantsSchema = v.record(v.string(), v.string());
/** By GPU and version. */
const storedSchema = v.record(v.string(), variantsSchema);
const SETTING = 'kernels';
/** Uses the fastest forms for this GPU, which are timed at the first start on it. Does nothing on wasm. */
export async function chooseKernels(info: BackendInfo): Promise<void> {
  if (info.name !== 'webgpu') return;
  const { vendor = '', architecture = '', description = '' } = info.adapter ?? {};
  const gpu = [__APP_VERSION__, vendor, architecture, description, ...info.features].join('/');
  const stored = v.safeParse(storedSchema, await readSetting(SETTING));
  const byGpu = stored.success ? stored.output : {};
  const chosen = byGpu[gpu] ?? (await measureKernelVariants());
  if (byGpu[gpu] === undefined) await writeSetting(SETTING, { ...byGpu, [gpu]: chosen });
  applyVariants(chosen);
}

/** Uses the forms that a run was begun with, as far as this GPU has them, so that it goes on to the same bits. */
export function restoreKernels(recorded: Readonly<Record<string, string>>): void {
  applyVariants({ ...kernelVariants(), ...recorded });
}

/** The forms in use, for checkpoints; nothing on wasm, where there is one form. */
export function kernelsInUse(info: BackendInfo): Readonly<Record<string, string>> {
  return info.name === 'webgpu' ? kernelVariants() : {};
}

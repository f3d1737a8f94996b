/** How fast the kernels are on this machine, timed once: what forecasts are made of before anything was drawn. */
import * as v from 'valibot';
import type { BackendInfo } from '../contract/backend.ts';
import { readSetting, writeSetting } from '../storage/kv.ts';
import type { KernelSpeeds } from '../tensor/speed/kernelSpeeds.ts';
import { measureSpeeds } from '../tensor/speed/measureSpeeds.ts';
import { kernelsInUse } from './kernels.ts';

const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const timedSchema = v.array(v.object({ multiplyAdds: positive, seconds: positive }));
const speedsSchema = v.object({
  launchSeconds: positive,
  bytesPerSecond: positive,
  ops: v.record(v.string(), timedSchema),
});
/** By the kernels’ code, machine, browser, and the forms of the kernels. */
const storedSchema = v.record(v.string(), speedsSchema);
const SETTING = 'speeds';

/** Those of an earlier visit; else they are timed now, which takes up to a second. */
export async function kernelSpeeds(info: BackendInfo): Promise<KernelSpeeds> {
  const { name, adapter, threads = 1 } = info;
  const { vendor = '', architecture = '', description = '' } = adapter ?? {};
  const code = `${__KERNEL_CODE__}/`;
  const machine = [name, vendor, architecture, description, threads, navigator.userAgent];
  const key = code + [...machine, ...Object.values(kernelsInUse(info))].join('/');
  const stored = v.safeParse(storedSchema, await readSetting(SETTING));
  // What other kernels took says nothing about these.
  const known = Object.entries(stored.success ? stored.output : {}).filter(([of]) => of.startsWith(code));
  const before = known.find(([of]) => of === key)?.[1];
  if (before !== undefined) return before;
  const speeds = await measureSpeeds();
  await writeSetting(SETTING, { ...Object.fromEntries(known), [key]: speeds });
  return speeds;
}

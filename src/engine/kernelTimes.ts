/** How fast the kernels are on this machine, timed once: what forecasts are made of before anything was drawn. */
import * as v from 'valibot';
import type { BackendInfo } from '../contract/backend.ts';
import type { KernelSpeeds } from '../tensor/speed/kernelSpeeds.ts';
import { measureSpeeds } from '../tensor/speed/measureSpeeds.ts';
import { foundOnMachine } from './foundOnMachine.ts';
import { kernelsInUse } from './kernels.ts';

const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const timedSchema = v.array(v.object({ multiplyAdds: positive, seconds: positive }));
const speedsSchema = v.object({
  launchSeconds: positive,
  bytesPerSecond: positive,
  ops: v.record(v.string(), timedSchema),
});
/** Those of an earlier visit; else they are timed now, which takes up to a second. */
export async function kernelSpeeds(info: BackendInfo): Promise<KernelSpeeds> {
  const { name, threads = 1 } = info;
  const of = [name, threads, ...Object.values(kernelsInUse(info))];
  return foundOnMachine(info, { setting: 'speeds', schema: speedsSchema, of }, measureSpeeds);
}

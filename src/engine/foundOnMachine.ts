/** What is found out about the kernels on a machine once, and remembered between visits. */
import * as v from 'valibot';
import type { BackendInfo } from '../contract/backend.ts';
import { readSetting, writeSetting } from '../storage/kv.ts';

/** Where it is remembered, and what it depends on beside the kernels' code, the adapter and the browser. */
type Remembered<S> = {
  readonly setting: string;
  readonly schema: v.GenericSchema<unknown, S>;
  readonly of: readonly (string | number)[];
};

/** What was found at an earlier visit, else what is found now. */
export async function foundOnMachine<S, F>(
  { adapter }: BackendInfo,
  { setting, schema, of }: Remembered<S>,
  find: () => Promise<F>,
): Promise<S | F> {
  const { vendor = '', architecture = '', description = '' } = adapter ?? {};
  const code = `${__KERNEL_CODE__}/`;
  // The browser's compiler makes the kernels.
  const key = code + [vendor, architecture, description, navigator.userAgent, ...of].join('/');
  const stored = v.safeParse(v.record(v.string(), schema), await readSetting(setting));
  // What was found of other kernels says nothing about these.
  const known = Object.entries(stored.success ? stored.output : {}).filter(([each]) => each.startsWith(code));
  const before = known.find(([each]) => each === key);
  if (before !== undefined) return before[1];
  const found = await find();
  await writeSetting(setting, { ...Object.fromEntries(known), [key]: found });
  return found;
}

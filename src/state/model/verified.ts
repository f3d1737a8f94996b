/** When stored items were last found whole, remembered in this browser. */
import * as v from 'valibot';
import type { TextStore } from '../setup/speed.ts';

const KEY = 'mi-tune-verified';
/** Milliseconds since 1970 by item. */
const verifiedSchema = v.record(v.string(), v.pipe(v.number(), v.finite()));
export type Verified = Readonly<Record<string, number>>;

export function readVerified(store: TextStore | null): Verified {
  try {
    const result = v.safeParse(verifiedSchema, JSON.parse(store?.getItem(KEY) ?? '{}'));
    return result.success ? result.output : {};
  } catch {
    return {};
  }
}

export function writeVerified(store: TextStore | null, verified: Verified): void {
  try {
    store?.setItem(KEY, JSON.stringify(verified));
  } catch {
    // Then it is only known until the page is closed.
  }
}

/** Names that tabs hold while they work with something (Web Locks). */
import { checkId } from './paths.ts';

export function runLock(runId: string): string {
  return `mi-tune-run-${checkId(runId)}`;
}

/** Held while a model's files change. */
export function modelLock(id: string): string {
  return `mi-tune-model-${checkId(id)}`;
}

/** Held while a comparison without a run is written. */
export const COMPARISON_LOCK = 'mi-tune-comparison';

/** Names held in any tab of this page right now. */
export async function heldLocks(): Promise<ReadonlySet<string>> {
  const { held = [] } = await navigator.locks.query();
  return new Set(held.map(({ name = '' }) => name));
}

/** How much the browser lets this page store, and whether it may throw it away. */

import type { StorageReport } from '../contract/stored.ts';

/** Never fails: what the browser hides is null. Works in pages and workers. */
export async function storageReport(): Promise<StorageReport> {
  // Missing outside secure contexts, whatever the types say.
  const manager = globalThis.navigator?.storage as StorageManager | undefined;
  const [estimate, persisted] = await Promise.all([
    manager?.estimate().catch(() => undefined),
    manager?.persisted().catch(() => undefined),
  ]);
  const usedBytes = estimate?.usage ?? null;
  const quotaBytes = estimate?.quota ?? null;
  const freeBytes = usedBytes === null || quotaBytes === null ? null : Math.max(0, quotaBytes - usedBytes);
  return { usedBytes, quotaBytes, freeBytes, persisted: persisted ?? null };
}

/**
 * Asks the browser to keep the data until the user deletes it. To be called from the page, best on a click: workers
 * have no such function, and there the answer is false, as it is when the browser declines.
 */
export async function requestPersistence(): Promise<boolean> {
  const manager = navigator.storage as (StorageManager & { persist?: () => Promise<boolean> }) | undefined;
  return (await manager?.persist?.()) ?? false;
}

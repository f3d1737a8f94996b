import { StudioError } from '../lib/errors.ts';
import { storageReport } from './quota.ts';

/**
 * Runs a piece of storage work and turns what the browser throws into errors that a user can act on.
 *
 * Aborts and errors that are not the browser's (StudioError, mistakes of ours) pass unchanged.
 * @param where file or record that the work is about
 * @throws StudioError `storage-full`, `storage-in-use`, `storage-unavailable` or `storage-failed`
 */
export async function guardStorage<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw await explain(cause, where);
  }
}

/** Where a write fails although the browser counts this much as free, it is the disk itself that is full. */
const DISK_HINT_BYTES = 500e6;

/** True for the browser's way of saying that a file or folder does not exist. */
export function isNotFound(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'NotFoundError';
}

/** True when a file is locked by an open handle, in this tab or another. */
export function isLocked(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'NoModificationAllowedError';
}

/** The error for `neededBytes` that do not fit, known before or after trying. */
export async function storageFull(
  where: string,
  neededBytes?: number,
  cause?: unknown,
): Promise<StudioError> {
  const { usedBytes, quotaBytes, freeBytes } = await storageReport();
  const needed = neededBytes === undefined ? '' : ` ${formatBytes(neededBytes)} are needed;`;
  const state =
    usedBytes === null || quotaBytes === null || freeBytes === null
      ? ' the browser does not tell how much is free.'
      : neededBytes === undefined
        ? ` it takes no more, and counts ${formatBytes(usedBytes)} of ${formatBytes(quotaBytes)} as used.`
        : ` ${formatBytes(usedBytes)} of ${formatBytes(quotaBytes)} are used, ${formatBytes(freeBytes)} are free.`;
  // The browser promises a share of the disk, which other programs may have filled meanwhile.
  const disk =
    neededBytes === undefined && (freeBytes ?? 0) > DISK_HINT_BYTES
      ? ' So the disk itself seems to be full.'
      : '';
  return new StudioError(
    'storage-full',
    `There is no room left in the browser’s storage:${needed}${state}${disk}`,
    {
      remedy:
        'Delete runs, models or image folders that you no longer need, or free space on the disk; then continue. ' +
        'Everything stored so far is kept.',
      where,
      cause,
    },
  );
}

/** The error for a browser or a page address that offers no storage of the needed kind. */
export function storageUnavailable(what: string, cause?: unknown): StudioError {
  return new StudioError('storage-unavailable', `This page cannot use the browser’s storage (${what}).`, {
    remedy:
      'Open the page over https or from localhost, in a normal (not private) window of a current browser.',
    where: what,
    cause,
  });
}

/** The error for storage that the user, or the browser, emptied while it was in use. */
export function storageCleared(): StudioError {
  return new StudioError(
    'storage-cleared',
    'The browser’s storage of this page was cleared while it was in use.',
    {
      remedy: 'Reload the page. Runs that were cleared cannot be brought back; what was downloaded is yours.',
    },
  );
}

async function explain(cause: unknown, where: string): Promise<unknown> {
  // IndexedDB may end a transaction without saying why.
  if (cause !== null && cause !== undefined && !(cause instanceof DOMException)) return cause;
  switch (cause?.name) {
    case 'AbortError':
    case 'DataCloneError':
      return cause;
    case 'QuotaExceededError':
      return storageFull(where, undefined, cause);
    case 'NoModificationAllowedError':
      return new StudioError('storage-in-use', `${where} is in use and cannot be changed now.`, {
        remedy: 'Close other tabs of this page and try again. If there are none, restart the browser.',
        where,
        cause,
      });
    case 'SecurityError':
      return storageUnavailable('access was refused', cause);
    default:
      return new StudioError('storage-failed', `The browser could not read or write ${where}.`, {
        remedy: 'Reload the page and try again. If it happens again, the disk may be full or failing.',
        where,
        cause: cause ?? undefined,
      });
  }
}

function formatBytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * Open pool logs. A log is locked by whoever opens it, but the page looks at a round's images while the job that draws
 * them still writes: within one engine an opening is shared.
 */
import type { Backing, Files } from './backing.ts';
import { decodeHeader, MAX_HEADER_BYTES, type PoolHeader } from './poolFormat.ts';
import { openPoolLog, type PoolLog } from './poolLog.ts';

type Shared = { readonly log: PoolLog; users: number };

/** A log in use; `close` it when done. */
export type PoolLease = { readonly log: PoolLog; close(): void };

const openings = new WeakMap<Files, Map<string, Promise<Shared>>>();

/** @throws StudioError as `openPoolLog` */
export async function leasePool(backing: Backing, path: string, header: PoolHeader): Promise<PoolLease> {
  const opened = openedIn(backing);
  const opening =
    opened.get(path) ?? openPoolLog(backing.files, path, header).then((log) => ({ log, users: 0 }));
  opened.set(path, opening);
  let shared: Shared;
  try {
    shared = await opening;
  } catch (error) {
    opened.delete(path);
    throw error;
  }
  // Its last user may have closed it while this one waited.
  if (opened.get(path) !== opening) return leasePool(backing, path, header);
  shared.users++;
  return {
    log: shared.log,
    close: () => {
      shared.users--;
      if (shared.users > 0) return;
      opened.delete(path);
      shared.log.close();
    },
  };
}

/** A log as it is stored, whatever made it; null if there is none. */
export async function leaseStoredPool(backing: Backing, path: string): Promise<PoolLease | null> {
  const open = await openedIn(backing).get(path);
  if (open !== undefined) return leasePool(backing, path, open.log.header);
  const start = await backing.files.readBytes(path, MAX_HEADER_BYTES);
  if (start === null) return null;
  const found = decodeHeader(start);
  return found.kind === 'header' ? leasePool(backing, path, found.header) : null;
}

function openedIn({ files }: Backing): Map<string, Promise<Shared>> {
  const opened = openings.get(files) ?? new Map();
  openings.set(files, opened);
  return opened;
}

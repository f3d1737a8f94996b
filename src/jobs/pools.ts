/**
 * The engine's open pool logs. A log is locked by whoever opens it, but the page looks at a round's images while the
 * job that draws them still writes: within the engine one opening is shared.
 */
import { openFile } from '../storage/opfs.ts';
import { decodeHeader, MAX_HEADER_BYTES, type PoolHeader } from '../storage/poolFormat.ts';
import { openPoolLog, type PoolLog, poolPath } from '../storage/poolLog.ts';

type Shared = { readonly log: PoolLog; users: number };

/** A log in use; `close` it when done. */
export type PoolLease = { readonly log: PoolLog; close(): void };

const opened = new Map<string, Promise<Shared>>();

/** @throws StudioError as `openPoolLog` */
export async function leasePool(path: string, header: PoolHeader): Promise<PoolLease> {
  const opening = opened.get(path) ?? openPoolLog(path, header).then((log) => ({ log, users: 0 }));
  opened.set(path, opening);
  let shared: Shared;
  try {
    shared = await opening;
  } catch (error) {
    opened.delete(path);
    throw error;
  }
  // Its last user may have closed it while this one waited.
  if (opened.get(path) !== opening) return leasePool(path, header);
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

/** The pool of a round as it is stored, whatever made it; null if there is none yet. */
export async function leaseStoredPool(runId: string, round: number): Promise<PoolLease | null> {
  const path = poolPath(runId, round);
  const open = await opened.get(path);
  if (open !== undefined) return leasePool(path, open.log.header);
  const file = await openFile(path);
  if (file === null) return null;
  const found = decodeHeader(new Uint8Array(await file.slice(0, MAX_HEADER_BYTES).arrayBuffer()));
  return found.kind === 'header' ? leasePool(path, found.header) : null;
}

/**
 * Open pool logs. A log is locked by whoever opens it, but the page looks at a round's images while the job that draws
 * them still writes: within one engine an opening is shared.
 */
import { type ErrorReport, StudioError } from '../lib/errors.ts';
import type { Backing, Files } from './backing.ts';
import { decodeHeader, MAX_HEADER_BYTES, type PoolHeader } from './poolFormat.ts';
import { openPoolLog, type PoolLog } from './poolLog.ts';

type Shared = { readonly log: PoolLog; users: number };

/** A log in use; `close` it when done. */
export type PoolLease = { readonly log: PoolLog; close(): void };

const openings = new WeakMap<Files, Map<string, Promise<Shared>>>();

/** Keeps what was found damaged when a log was opened: it is repaired at once, so nobody will find it again. */
type KeepWarnings = (reports: readonly ErrorReport[]) => Promise<void>;

/** @throws StudioError `run-open-elsewhere` or `pool-mismatch` */
export async function leasePool(
  backing: Backing,
  path: string,
  header: PoolHeader,
  keepWarnings: KeepWarnings,
): Promise<PoolLease> {
  const opened = openedIn(backing);
  const opening = opened.get(path) ?? openLog(backing, path, header, keepWarnings);
  opened.set(path, opening);
  let shared: Shared;
  try {
    shared = await opening;
  } catch (error) {
    opened.delete(path);
    throw error;
  }
  // Its last user may have closed it while this one waited.
  if (opened.get(path) !== opening) return leasePool(backing, path, header, keepWarnings);
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
export async function leaseStoredPool(
  backing: Backing,
  path: string,
  keepWarnings: KeepWarnings,
): Promise<PoolLease | null> {
  const open = await openedIn(backing).get(path);
  if (open !== undefined) return leasePool(backing, path, open.log.header, keepWarnings);
  const start = await backing.files.readBytes(path, MAX_HEADER_BYTES);
  if (start === null) return null;
  const found = decodeHeader(start);
  return found.kind === 'header' ? leasePool(backing, path, found.header, keepWarnings) : null;
}

async function openLog(
  { files }: Backing,
  path: string,
  header: PoolHeader,
  keepWarnings: KeepWarnings,
): Promise<Shared> {
  const started: ErrorReport[] = [];
  const log = await openPoolLog(files, path, header).catch(async (error: unknown) => {
    if (!(error instanceof StudioError) || error.code !== 'pool-damaged') throw error;
    // Neither a header nor one record of this run is in it.
    await files.removeTree(path);
    started.push(lostReport(path));
    return openPoolLog(files, path, header);
  });
  const reports = [...started, ...log.warnings];
  if (reports.length > 0) {
    await keepWarnings(reports).catch((error: unknown) => {
      log.close();
      throw error;
    });
  }
  return { log, users: 0 };
}

/** Of a log that holds nothing any more, though images were in it. */
export function lostReport(where: string): ErrorReport {
  return {
    code: 'pool-lost',
    message: 'Nothing in the stored set could be read; it was begun anew.',
    remedy: 'Nothing to do: the same images are drawn again when the run continues. Check the disk.',
    where,
  };
}

function openedIn({ files }: Backing): Map<string, Promise<Shared>> {
  const opened = openings.get(files) ?? new Map();
  openings.set(files, opened);
  return opened;
}

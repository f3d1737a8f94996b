/** Names that tabs hold while they work with something (Web Locks). */
import { checkId } from './paths.ts';

const ENGINE = 'mi-tune-engine-';
/** Longer than a worker that is in the middle of something needs to end on a busy machine; browsers give it two seconds. */
const LEAVING_MS = 30_000;

export function runLock(runId: string): string {
  return `mi-tune-run-${checkId(runId)}`;
}

/** Held while a file is open for reading and writing in turn. */
export function fileLock(path: string): string {
  return `mi-tune-file-${path}`;
}

/** Held while a model's files change. */
export function modelLock(id: string): string {
  return `mi-tune-model-${checkId(id)}`;
}

/** Held while a comparison without a run is written. */
export const COMPARISON_LOCK = 'mi-tune-comparison';

/** Held by an engine for as long as it lives; the page that it works for waits for it for as long as the page lives. */
export function engineLock(id: string): string {
  return ENGINE + checkId(id);
}

/** Names held in any tab of this page right now. */
export async function heldLocks(): Promise<ReadonlySet<string>> {
  const { held = [] } = await navigator.locks.query();
  return namesOf(held);
}

/** As `heldLocks`, but only those of engines whose page still waits for them: all other engines are about to end. */
export async function lastingLocks(): Promise<ReadonlySet<string>> {
  const { held = [], pending = [] } = await navigator.locks.query();
  const waitedFor = namesOf(pending);
  const lasting = new Set(
    held
      .filter(({ name = '' }) => name.startsWith(ENGINE) && waitedFor.has(name))
      .map(({ clientId }) => clientId),
  );
  return namesOf(held.filter(({ clientId }) => lasting.has(clientId)));
}

/**
 * Runs work while it holds the name; null, without work, if another holds it. An engine whose page is gone keeps its
 * names for some seconds, until it has ended: that is waited for. One that the browser never ends, because it waits for
 * a file that was cleared, will run no more code: the name is taken from it.
 */
export async function whileHeld<T>(
  name: string,
  work: () => Promise<T>,
  leavingMs = LEAVING_MS,
): Promise<{ readonly value: T } | null> {
  const hold = (lock: Lock | null) => (lock === null ? null : work().then((value) => ({ value })));
  const done = await navigator.locks.request(name, { ifAvailable: true }, hold);
  if (done !== null || (await lastingLocks()).has(name)) return done;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), leavingMs);
  try {
    return await navigator.locks.request(name, { signal: patience.signal }, (lock) => {
      clearTimeout(timer);
      return hold(lock);
    });
  } catch (error) {
    if (error !== patience.signal.reason) throw error;
    return (await lastingLocks()).has(name) ? null : navigator.locks.request(name, { steal: true }, hold);
  }
}

/** Holds the name until the function that it returns is called; null if another holds it. Waits as `whileHeld`. */
export function holdName(name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    const untilReleased = () => new Promise<void>((release) => resolve(release));
    whileHeld(name, untilReleased).then((done) => resolve(done === null ? null : () => undefined), reject);
  });
}

function namesOf(locks: readonly LockInfo[]): ReadonlySet<string> {
  return new Set(locks.map(({ name = '' }) => name));
}

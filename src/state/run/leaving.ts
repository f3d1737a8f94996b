/**
 * A reload in the middle of work: the worker of the page before holds the run's lock until it has ended, a second or
 * two. For so long the run is this tab's own, not another's.
 */
import { heldLocks, runLock } from '../../storage/locks.ts';
import { useRuns } from './runs.ts';

const LEFT_KEY = 'mi-tune-left';
const LEAVING_MS = 15_000;
const LOOK_EVERY_MS = 200;

let left: string | null = null;

/** Notes what this page works on when it goes, and what the page before it worked on. Call once, at the start. */
export function watchLeaving(): void {
  left = sessionStorage.getItem(LEFT_KEY);
  sessionStorage.removeItem(LEFT_KEY);
  // A lock that is held for longer is another tab's.
  setTimeout(() => {
    left = null;
  }, LEAVING_MS);
  window.addEventListener('pagehide', () => {
    const { activity, open } = useRuns.getState();
    if (activity !== 'idle' && open !== null) sessionStorage.setItem(LEFT_KEY, open.summary.id);
  });
}

/** True while the page before this one, in this tab, may still hold the run. */
export function isLeaving(runId: string): boolean {
  return runId === left;
}

/** Waits until the page before has let go of the run. */
export async function untilLeft(runId: string): Promise<void> {
  while (isLeaving(runId) && (await heldLocks()).has(runLock(runId))) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

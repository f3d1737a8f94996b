/** Runs that another tab of this page is working on, as far as the browser's locks tell. */
import { lastingLocks, runLock } from '../../storage/locks.ts';
import { openRun, refreshRuns } from './runActions.ts';
import { useRuns } from './runs.ts';

const LOOK_EVERY_MS = 3000;

/** Looks now and then while the page can be seen; returns the function that ends it. */
export function watchOtherTabs(): () => void {
  const look = () => void (document.visibilityState === 'visible' && lookAtOtherTabs());
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  document.addEventListener('visibilitychange', look);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', look);
  };
}

async function lookAtOtherTabs(): Promise<void> {
  const held = await lastingLocks();
  const { runs, open, activity, elsewhere: before } = useRuns.getState();
  const own = activity === 'idle' ? null : open?.summary.id;
  const ids = new Set([...(runs ?? []).map((run) => run.id), ...(open === null ? [] : [open.summary.id])]);
  const isForeign = (id: string) => id !== own && held.has(runLock(id));
  const elsewhere = new Set([...ids].filter(isForeign));
  if (elsewhere.size === before.size && [...elsewhere].every((id) => before.has(id))) return;
  useRuns.setState({ elsewhere });
  await refreshRuns();
  // What the other tab did to the open run is read once it is through.
  const openId = open?.summary.id ?? '';
  if (before.has(openId) && !elsewhere.has(openId)) await openRun(openId);
}

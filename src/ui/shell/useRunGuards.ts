import { useEffect } from 'react';
import { useRuns } from '../../state/run/runs.ts';
import { runTitle } from './runTitle.ts';

/** While a run works: progress in the title, a question before the page closes, and a screen that stays awake. */
export function useRunGuards(): void {
  const working = useRuns((state) => state.activity !== 'idle');
  const title = useRuns((state) => runTitle(state.activity === 'working', state.progress));

  useEffect(() => {
    document.title = title;
  }, [title]);

  useEffect(() => {
    if (!working) return;
    const guard = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', guard);
    const release = keepAwake();
    return () => {
      window.removeEventListener('beforeunload', guard);
      release();
    };
  }, [working]);
}

/** Asks for a screen lock, again whenever the page comes back into view. Browsers may refuse. */
function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let ended = false;
  const ask = () => {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    navigator.wakeLock.request('screen').then(
      (granted) => {
        if (ended) void granted.release();
        else lock = granted;
      },
      () => undefined,
    );
  };
  ask();
  document.addEventListener('visibilitychange', ask);
  return () => {
    ended = true;
    document.removeEventListener('visibilitychange', ask);
    void lock?.release();
  };
}

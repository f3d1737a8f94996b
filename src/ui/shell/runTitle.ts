import type { StageProgress } from '../../state/run/runs.ts';
import { formatDuration, formatPercent } from '../format.ts';

const APP_NAME = 'MI-Tune Studio';

/** Null where it is not known how much there is to do. */
export function progressShare(progress: StageProgress | null): number | null {
  return progress === null || progress.total <= 0 ? null : Math.min(1, progress.done / progress.total);
}

/** What the browser's tab shows: `37% - 2 min`, while a run works. */
export function runTitle(working: boolean, progress: StageProgress | null): string {
  const share = progressShare(progress);
  if (!working || share === null) return APP_NAME;
  const left = progress?.secondsLeft ?? null;
  const time = left === null ? '' : ` - ${formatDuration(left)}`;
  return `${formatPercent(share)}${time} · ${APP_NAME}`;
}

import type { RunSummary } from '../../../contract/runTypes.ts';
import { continueRun, showRun } from '../../../state/run/runActions.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { formatAgo, formatBytes, formatPercent } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import { STAGE_WORDS, STATUS_WORDS } from '../../words.ts';
import styles from './RunList.module.css';

type RunRowProps = { readonly run: RunSummary; readonly onDelete: () => void };

/** A stored run, with what can be done with it now. */
export function RunRow({ run, onDelete }: RunRowProps) {
  const busy = useRuns((state) => state.activity !== 'idle');
  const workingHere = useRuns((state) => state.activity !== 'idle' && state.open?.summary.id === run.id);
  const elsewhere = useRuns((state) => state.elsewhere.has(run.id));
  const done = run.status === 'done';
  const state = workingHere
    ? STATUS_WORDS.running
    : elsewhere
      ? STATUS_WORDS.elsewhere
      : STATUS_WORDS[run.status === 'running' ? 'paused' : run.status];
  // Before its first image a run has nothing to be in the middle of.
  const stage =
    done || run.stage === 'load'
      ? null
      : `${STAGE_WORDS[run.stage].toLowerCase()}, ${formatPercent(run.progress)}`;
  return (
    <li className={styles.row}>
      <div className={styles.name}>
        <p className={styles.title}>{run.name}</p>
        <p className={styles.facts}>
          {state}
          {stage === null ? '' : elsewhere ? `: ${stage}` : ` while ${stage}`}
        </p>
      </div>
      <div className={styles.meter}>
        <Meter label={`${run.name}: progress of the stage`} share={done ? 1 : run.progress} />
      </div>
      <p className={styles.facts}>
        {formatAgo(run.updatedAt, Date.now())}, {formatBytes(run.sizeBytes)}
      </p>
      <div className={styles.actions}>
        {done || elsewhere ? null : (
          <Button
            size="small"
            look="primary"
            disabled={busy}
            aria-label={`Continue ${run.name}`}
            onClick={() => void continueRun(run.id)}
          >
            Continue
          </Button>
        )}
        <Button
          size="small"
          disabled={busy && !workingHere}
          aria-label={`Open ${run.name}`}
          onClick={() => void showRun(run)}
        >
          Open
        </Button>
        <Button
          size="small"
          look="quiet"
          disabled={workingHere || elsewhere}
          title={elsewhere ? 'Another tab is working on it.' : undefined}
          aria-label={`Delete ${run.name}`}
          onClick={onDelete}
        >
          Delete
        </Button>
      </div>
    </li>
  );
}

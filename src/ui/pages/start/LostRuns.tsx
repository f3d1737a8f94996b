import { recoverRun } from '../../../state/run/runActions.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { formatBytes } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import styles from './RunList.module.css';

/** Runs whose records the browser has lost. Their images and adapters are there, and a copy of the records. */
export function LostRuns() {
  const lost = useRuns((state) => state.lost);
  if (lost.length === 0) return null;
  return (
    <section className={styles.list} aria-labelledby="lost-title">
      <h2 id="lost-title">Runs to recover</h2>
      <p className={styles.facts}>
        The browser has lost the records of these runs, as it does with a database that it finds damaged.
        Their files are here: nothing has to be drawn or trained again.
      </p>
      <ul>
        {lost.map((run) => (
          <li key={run.id} className={`${styles.row} ${styles.lost}`}>
            <p className={styles.title}>{run.name}</p>
            <p className={styles.facts}>{formatBytes(run.sizeBytes)}</p>
            <div className={styles.actions}>
              <Button
                size="small"
                look="primary"
                aria-label={`Recover ${run.name}`}
                onClick={() => void recoverRun(run.id)}
              >
                Recover
              </Button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

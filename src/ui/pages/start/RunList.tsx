import { useState } from 'react';
import type { RunSummary } from '../../../contract/runTypes.ts';
import { deleteRun } from '../../../state/run/runActions.ts';
import { formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Confirm } from '../../primitives/Confirm.tsx';
import styles from './RunList.module.css';
import { RunRow } from './RunRow.tsx';

const SHOWN = 3;

/** Runs stored in this browser, the latest first. */
export function RunList({ runs }: { readonly runs: readonly RunSummary[] }) {
  const [all, setAll] = useState(false);
  const [leaving, setLeaving] = useState<RunSummary | null>(null);
  const ordered = runs.toSorted((a, b) => b.updatedAt - a.updatedAt);
  return (
    <section className={styles.list} aria-labelledby="runs-title">
      <h2 id="runs-title">Your runs</h2>
      <ul>
        {(all ? ordered : ordered.slice(0, SHOWN)).map((run) => (
          <RunRow key={run.id} run={run} onDelete={() => setLeaving(run)} />
        ))}
      </ul>
      {ordered.length > SHOWN ? (
        <Button look="quiet" size="small" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show ${formatPlural(ordered.length - SHOWN, 'more run')}`}
        </Button>
      ) : null}
      <Confirm
        open={leaving !== null}
        title={`Delete ${leaving?.name ?? 'this run'}?`}
        text="Its images, scores, checkpoints and adapter are removed from this browser. This cannot be undone."
        action="Delete run"
        onConfirm={() => leaving !== null && void deleteRun(leaving.id)}
        onClose={() => setLeaving(null)}
      />
    </section>
  );
}

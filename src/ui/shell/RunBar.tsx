import { useState } from 'react';
import { requestRunModel } from '../../state/model/modelChoice.ts';
import { modelName } from '../../state/model/modelRows.ts';
import { useStored } from '../../state/model/stored.ts';
import { goTo } from '../../state/page/navigation.ts';
import { cancelRun, closeRun, pauseRun, workOn } from '../../state/run/runActions.ts';
import { useMissingRunModel } from '../../state/run/runModel.ts';
import { useRuns, visibleStatus } from '../../state/run/runs.ts';
import { formatBytes, formatDuration, formatPercent } from '../format.ts';
import { Button } from '../primitives/Button.tsx';
import { Confirm } from '../primitives/Confirm.tsx';
import { Meter } from '../primitives/Meter.tsx';
import { STAGE_WORDS, STATUS_WORDS } from '../words.ts';
import styles from './RunBar.module.css';
import { progressShare } from './runTitle.ts';
import { useRunFacts } from './useStageNotes.ts';

/** The open run at a glance, with the controls that stop it and set it going. */
export function RunBar() {
  const open = useRuns((state) => state.open);
  if (open === null) return null;
  return (
    <section className={styles.bar} aria-label="Open run">
      <Status />
      <Controls />
      <RunModelNote />
    </section>
  );
}

function Status() {
  const status = useRuns(visibleStatus);
  const stage = useRuns((state) => state.stage);
  const round = useRuns((state) => state.round);
  const rounds = useRuns((state) => state.open?.spec.selection.rounds ?? 1);
  const progress = useRuns((state) => state.progress);
  const working = status === 'running';
  const words = working && stage !== null ? STAGE_WORDS[stage] : STATUS_WORDS[status];
  const share = progressShare(progress);
  const left = progress?.secondsLeft ?? null;
  const facts = useRunFacts();
  return (
    <div className={styles.status}>
      <p className={styles.words} data-tone={status}>
        <strong>{words}</strong>
        {rounds > 1 ? (
          <span>
            {' '}
            in round {round + 1} of {rounds}
          </span>
        ) : null}
        {working && progress !== null && progress.total > 0 ? (
          <span className={styles.count}>{countOf(progress)}</span>
        ) : (
          <span className={styles.count}>{working ? '' : facts}</span>
        )}
      </p>
      {working ? (
        <div className={styles.progress}>
          <Meter label={words} share={share} />
          <span className={styles.left}>
            {share === null ? '' : formatPercent(share)}
            {left === null ? '' : `, ${formatDuration(left)} left`}
          </span>
        </div>
      ) : null}
    </div>
  );
}

function Controls() {
  const status = useRuns(visibleStatus);
  const [asking, setAsking] = useState(false);
  if (status === 'running') {
    return (
      <div className={styles.controls}>
        <Button size="small" onClick={() => void pauseRun()}>
          Pause
        </Button>
        <Button size="small" look="quiet" onClick={() => setAsking(true)}>
          Cancel
        </Button>
        <Confirm
          open={asking}
          title="Stop this run now?"
          text="The current image or training step is given up. Everything complete is kept, and the run can be continued."
          action="Stop now"
          onConfirm={cancelRun}
          onClose={() => setAsking(false)}
        />
      </div>
    );
  }
  if (status === 'pausing' || status === 'canceling') return null;
  if (status === 'elsewhere') {
    return (
      <div className={styles.controls}>
        <Button size="small" look="quiet" onClick={closeRun}>
          Close
        </Button>
      </div>
    );
  }
  return (
    <div className={styles.controls}>
      {status === 'done' ? (
        <Button size="small" onClick={() => goTo('download')}>
          Go to downloads
        </Button>
      ) : (
        <Button size="small" look="primary" onClick={() => void workOn('done')}>
          Continue
        </Button>
      )}
      <Button size="small" look="quiet" onClick={closeRun}>
        Close
      </Button>
    </div>
  );
}

/** Done of all, in what is counted; work on an image that is not finished does not count yet. */
function countOf({ done, total, unit }: { done: number; total: number; unit: string }): string {
  if (unit === 'bytes') return `${formatBytes(done)} of ${formatBytes(total)}`;
  return `${Math.floor(done)} of ${total} ${unit}`;
}

/** Says that the open run needs another model than the loaded one to show its images, and offers to load it. */
function RunModelNote() {
  const ref = useMissingRunModel();
  const list = useStored((state) => state.list);
  if (ref === null) return null;
  const name = modelName(ref, list) ?? (ref.kind === 'url' ? ref.base : 'a model that is not loaded');
  return (
    <p className={styles.model}>
      <span>Made with {name}: its images are shown once it is loaded.</span>
      <Button size="small" onClick={() => void requestRunModel(ref)}>
        Load it
      </Button>
    </p>
  );
}

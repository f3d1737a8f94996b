import { type OpenRun, useRuns } from '../../../state/run/runs.ts';
import { bestOf, useTraining } from '../../../state/run/training.ts';
import { formatCount, formatNumber, formatRate } from '../../format.ts';
import { Readout, Readouts, TimeLeft } from '../../primitives/Readout.tsx';
import { meanOfLast } from './series.ts';
import styles from './TrainPage.module.css';

const RECENT_STEPS = 10;

/** Training in figures: where it is, how well it does, how long it takes. */
export function TrainReadouts({ run }: { readonly run: OpenRun }) {
  const train = useTraining((state) => state.train);
  const validation = useTraining((state) => state.validation);
  const saved = useTraining((state) => state.checkpoint);
  const progress = useRuns((state) => (state.progress?.stage === 'train' ? state.progress : null));
  const last = train.at(-1);
  if (last === undefined) return null;
  const best = bestOf(validation, last.round);
  const recent = meanOfLast(train, RECENT_STEPS);
  return (
    <div className={styles.readouts}>
      <Readouts>
        <Readout
          label="Step"
          value={formatCount(last.step)}
          note={`of ${formatCount(run.spec.training.iterations)}${saved === null ? '' : `, saved at ${saved.step}`}`}
        />
        <Readout
          label="Training error"
          value={formatNumber(recent)}
          note={`mean of the last ${Math.min(RECENT_STEPS, train.length)} steps`}
        />
        <Readout
          label="Held-out error"
          value={best === null ? '–' : formatNumber(best.loss)}
          note={best === null ? 'not measured yet' : `best, at step ${best.step}`}
        />
        <Readout
          label="Gradient norm"
          value={formatNumber(last.gradNorm, 3)}
          note={run.spec.training.clip === null ? 'not clipped' : `clipped at ${run.spec.training.clip}`}
        />
        <Readout label="Learning rate" value={formatRate(last.learningRate)} />
        <TimeLeft seconds={progress?.secondsLeft} />
      </Readouts>
    </div>
  );
}

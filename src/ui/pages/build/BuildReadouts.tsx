import { earlyStopOf } from '../../../contract/earlyStop.ts';
import { shownStopped, useGallery } from '../../../state/run/gallery.ts';
import { type OpenRun, useRuns } from '../../../state/run/runs.ts';
import { countPicks, type Pool } from '../../../state/run/selection.ts';
import { formatCount, formatLarge } from '../../format.ts';
import { formatMetric, headlines } from '../../metrics.ts';
import { Readout, Readouts, TimeLeft } from '../../primitives/Readout.tsx';
import styles from '../page.module.css';

type BuildReadoutsProps = { readonly run: OpenRun; readonly pool: Pool };

/** How many images there are, what they cost so far, and how long the rest takes. */
export function BuildReadouts({ run, pool }: BuildReadoutsProps) {
  const progress = useRuns((state) => (state.progress?.stage === 'pool' ? state.progress : null));
  const round = useGallery((state) => state.round);
  const stopped = useGallery((state) => countPicks(shownStopped(state)));
  const { sampling, selection } = run.spec;
  const records = [...pool.values()].flat();
  const stoppedSteps = earlyStopOf(run.spec, sampling.steps)?.steps ?? 0;
  return (
    <div className={styles.readouts}>
      <Readouts>
        <Readout
          label="Images"
          value={formatCount(records.length)}
          note={`of ${formatCount(run.spec.prompts.length * selection.candidates)}${stopped === 0 ? '' : `, ${formatCount(stopped)} stopped early`}`}
        />
        <Readout
          label="Prompts begun"
          value={formatCount(pool.size)}
          note={`of ${formatCount(run.spec.prompts.length)}`}
        />
        <Readout
          label="Evaluations"
          value={formatLarge((records.length * sampling.steps + stopped * stoppedSteps) * 2)}
          note={`${sampling.steps} steps, with and without prompt`}
        />
        {headlines(records.map((record) => record.metrics)).map(({ metric, title, value }) => (
          <Readout
            key={metric.name}
            label={title}
            value={formatMetric(metric, value)}
            note={`${metric.title.toLowerCase()}, never used to select`}
          />
        ))}
        {selection.rounds > 1 ? (
          <Readout label="Round" value={`${round + 1}`} note={`of ${selection.rounds}`} />
        ) : null}
        <TimeLeft seconds={progress?.secondsLeft} />
      </Readouts>
    </div>
  );
}

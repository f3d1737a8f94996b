import { workOn } from '../../../state/run/runActions.ts';
import { isFree, isPast, useRuns } from '../../../state/run/runs.ts';
import { useTraining } from '../../../state/run/training.ts';
import { Button } from '../../primitives/Button.tsx';
import { NoRun } from '../NoRun.tsx';
import { PageHead } from '../PageHead.tsx';
import { PlainWords } from '../PlainWords.tsx';
import page from '../page.module.css';
import { VersionChoice } from '../VersionChoice.tsx';
import { GradientPlot } from './GradientPlot.tsx';
import { LossPlot } from './LossPlot.tsx';
import { PreviewStrip } from './PreviewStrip.tsx';
import styles from './TrainPage.module.css';
import { TrainReadouts } from './TrainReadouts.tsx';
import { ValidationPlot } from './ValidationPlot.tsx';

/** What is being learned and whether it helps, while it happens. */
export function TrainPage() {
  const run = useRuns((state) => state.open);
  const idle = useRuns(isFree);
  const complete = useRuns((state) => isPast(state.stage, 'train'));
  const begun = useTraining((state) => state.train.length > 0);
  const validated = useTraining((state) => state.validation.length > 0);
  if (run === null) return <NoRun title="Train" />;
  const { training, adapter } = run.spec;
  const images = training.batch * training.accumulation;
  return (
    <>
      <PageHead
        title="Train"
        lead={`${adapter.kind === 'dora' ? 'DoRA' : 'LoRA'} of rank ${adapter.rank}, ${training.iterations} steps of ${images} images. ${training.keepLast ? 'The last checkpoint is kept.' : 'Held-out prompts choose the best checkpoint.'}`}
      >
        <VersionChoice />
        {idle && !complete ? (
          <Button look="primary" onClick={() => void workOn('train')}>
            {begun ? 'Continue training' : 'Train'}
          </Button>
        ) : null}
      </PageHead>
      <PlainWords of="train" />
      {begun ? (
        <>
          <TrainReadouts run={run} />
          <div className={styles.plots}>
            <section className={styles.wide}>
              <h2>Error of the noise prediction</h2>
              <LossPlot iterations={training.iterations} />
            </section>
            <section>
              <h2>Gradient norm</h2>
              <GradientPlot iterations={training.iterations} clip={training.clip} />
            </section>
            {validated ? (
              <section>
                <h2>MI on held-out prompts</h2>
                <ValidationPlot iterations={training.iterations} />
              </section>
            ) : null}
          </div>
          <PreviewStrip />
        </>
      ) : (
        <p className={page.empty}>
          {idle
            ? 'Not trained yet. The selection can still be changed.'
            : 'Training begins after the selection.'}
        </p>
      )}
    </>
  );
}

import { useUnaskedHost } from '../../../state/model/modelChoice.ts';
import { modelName } from '../../../state/model/modelRows.ts';
import { useStored } from '../../../state/model/stored.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { goTo } from '../../../state/page/navigation.ts';
import { useSettings } from '../../../state/setup/settings.ts';
import { Button } from '../../primitives/Button.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import { describeArithmetic, loadWaitWords } from '../../words.ts';
import styles from './StartPage.module.css';

/** Which model and which backend will work, and why that backend. */
export function EngineFacts() {
  const { status, backend, model, progress } = useEngine();
  const list = useStored((state) => state.list);
  const chosen = useSettings((state) => state.model);
  const unasked = useUnaskedHost();
  const waiting = status === 'waiting';
  const name =
    model === null
      ? waiting
        ? (modelName(chosen, list) ?? 'A model on another server')
        : null
      : (modelName(model.ref, list) ?? model.name);
  return (
    <div className={styles.facts}>
      <div className={styles.engineFactsHead}>
        <p>
          <strong>
            {name ??
              (status === 'loading'
                ? `Loading the model${loadWaitWords(progress, backend)}`
                : 'No model yet')}
          </strong>
        </p>
        <Button look="quiet" size="small" onClick={() => goTo('model')}>
          Model
        </Button>
      </div>
      {status === 'loading' || status === 'opening' ? (
        <Meter
          label="Loading the model"
          share={progress === null || progress.total === 0 ? null : progress.done / progress.total}
        />
      ) : null}
      {waiting ? (
        <div className={styles.waiting}>
          <p>
            {unasked === null
              ? 'It is large and not loaded yet.'
              : `It lies at ${unasked}, which has not been contacted.`}
          </p>
          <Button size="small" onClick={() => goTo('model')}>
            See its plan and load it
          </Button>
        </div>
      ) : null}
      {(backend?.selfTest?.wrong.length ?? 0) === 0 ? null : (
        <p className={styles.reason}>
          Some kernels gave wrong numbers on this GPU and are not used: {backend?.selfTest?.wrong.join(', ')}.
        </p>
      )}
      {backend === null ? null : (
        <p className={styles.reason}>
          {describeArithmetic(backend, model)}. {backend.reason}
        </p>
      )}
    </div>
  );
}

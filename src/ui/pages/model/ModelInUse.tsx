import { sameRef } from '../../../contract/spec.ts';
import { hidePlans, useLoadPlans } from '../../../state/model/loadPlans.ts';
import { planModel, useUnaskedHost } from '../../../state/model/modelChoice.ts';
import { modelName } from '../../../state/model/modelRows.ts';
import { useStored } from '../../../state/model/stored.ts';
import { stopLoading, useEngine } from '../../../state/page/engine.ts';
import { useSettings } from '../../../state/setup/settings.ts';
import { formatBytes, formatLarge } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Disclosure } from '../../primitives/Disclosure.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import { describeArithmetic, loadWaitWords } from '../../words.ts';
import { LoadPlanPanel } from './LoadPlanPanel.tsx';
import { ModelFacts } from './ModelFacts.tsx';
import styles from './ModelInUse.module.css';

/** The loaded model in two lines, its plan and all that is known of it on demand. */
export function ModelInUse() {
  const { status, model, backend, progress, loading } = useEngine();
  const list = useStored((state) => state.list);
  const planned = useLoadPlans((state) => state.ref);
  if (status === 'loading' || status === 'opening') {
    const name = loading === null ? null : modelName(loading, list);
    const share = progress === null || progress.total === 0 ? null : progress.done / progress.total;
    return (
      <div className={styles.loading}>
        <p>
          <strong>{name === null ? 'Loading the model' : `Loading ${name}`}</strong>
          {progress?.unit === 'bytes' ? (
            <span className={styles.count}>
              {formatBytes(progress.done)} of {formatBytes(progress.total)}
              {loadWaitWords(progress, backend)}
            </span>
          ) : null}
        </p>
        <Meter label="Loading the model" share={share} />
        {model === null ? null : (
          <Button size="small" onClick={stopLoading}>
            Stop loading
          </Button>
        )}
      </div>
    );
  }
  if (status === 'waiting') return <ModelWaiting />;
  if (model === null) return <p>No model is loaded.</p>;
  const { unet, textEncoder, vae } = model.parameters;
  const showsPlan = planned === model.ref;
  return (
    <section className={styles.use} aria-label="Model in use">
      <div className={styles.head}>
        <div>
          <h2 className={styles.name}>{modelName(model.ref, list) ?? model.name}</h2>
          <p className={styles.facts}>
            {model.imageSize} × {model.imageSize} pixels, {formatLarge(unet + textEncoder + vae)} parameters,{' '}
            {formatBytes(model.sizeBytes)} of files
          </p>
          {backend === null ? null : <p className={styles.facts}>{describeArithmetic(backend, model)}</p>}
        </div>
        <Button
          size="small"
          aria-expanded={showsPlan}
          onClick={() => (showsPlan ? hidePlans() : void planModel(model.ref))}
        >
          {showsPlan ? 'Hide memory plan' : 'Memory plan'}
        </Button>
      </div>
      {showsPlan ? <LoadPlanPanel /> : null}
      <Disclosure label="All details">
        <ModelFacts />
      </Disclosure>
    </section>
  );
}

/** The model of the settings, which is loaded after a look at its plan. */
function ModelWaiting() {
  const ref = useSettings((state) => state.model);
  const list = useStored((state) => state.list);
  const unasked = useUnaskedHost();
  const shown = useLoadPlans((state) => state.ref !== null && sameRef(state.ref, ref));
  const name = modelName(ref, list) ?? (ref.kind === 'url' ? ref.base : 'The model of these settings');
  return (
    <section className={styles.use} aria-label="Model to load">
      <div className={styles.head}>
        <div>
          <h2 className={styles.name}>{name}</h2>
          <p className={styles.facts}>
            {unasked === null
              ? 'Not loaded yet. Large models are loaded after a look at what they need.'
              : `The settings name this model. ${unasked} has not been contacted; planning reads its configs from there.`}
          </p>
        </div>
        {shown ? null : (
          <Button look="primary" size="small" onClick={() => void planModel(ref)}>
            {unasked === null ? 'Plan and load' : `Contact ${unasked}`}
          </Button>
        )}
      </div>
      {shown ? <LoadPlanPanel loads /> : null}
    </section>
  );
}

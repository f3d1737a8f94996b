import { modelName } from '../../state/model/modelRows.ts';
import { useStored } from '../../state/model/stored.ts';
import { useEngine } from '../../state/page/engine.ts';
import { useSettings } from '../../state/setup/settings.ts';
import { formatPercent } from '../format.ts';
import { describeArithmetic } from '../words.ts';
import styles from './EngineLine.module.css';

/** Backend and model in two lines; the reasons are on the start and model pages. */
export function EngineLine() {
  const { status, backend, model, progress } = useEngine();
  const list = useStored((state) => state.list);
  const loading =
    progress === null || progress.total === 0 ? '' : ` ${formatPercent(progress.done / progress.total)}`;
  const chosen = useSettings((state) => state.model);
  const words = {
    idle: 'Engine not started',
    opening: 'Starting the engine',
    loading: `Loading the model${loading}`,
    waiting: `${modelName(chosen, list) ?? 'The model'} is not loaded yet`,
    ready: model === null ? 'Ready' : (modelName(model.ref, list) ?? model.name),
    failed: 'Engine failed',
  }[status];
  return (
    <div className={styles.line} data-state={status}>
      <p>{words}</p>
      {backend === null ? null : <p className={styles.backend}>{describeArithmetic(backend, model)}</p>}
    </div>
  );
}

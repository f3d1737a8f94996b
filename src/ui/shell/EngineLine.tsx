import { useEngine } from '../../state/engine.ts';
import { formatPercent } from '../format.ts';
import styles from './EngineLine.module.css';

/** Backend and model in two lines; the reasons are on the start and model pages. */
export function EngineLine() {
  const { status, backend, model, progress } = useEngine();
  const loading =
    progress === null || progress.total === 0 ? '' : ` ${formatPercent(progress.done / progress.total)}`;
  const words = {
    idle: 'Engine not started',
    opening: 'Starting the engine',
    loading: `Loading the model${loading}`,
    ready: model?.name ?? 'Ready',
    failed: 'Engine failed',
  }[status];
  return (
    <div className={styles.line} data-state={status}>
      <p>{words}</p>
      {backend === null ? null : (
        <p className={styles.backend}>
          {backend.name === 'webgpu' ? 'WebGPU' : 'Processor (wasm)'}, {backend.precision}
        </p>
      )}
    </div>
  );
}

import { stopWork, useAdapters } from '../../../state/adapters/adapters.ts';
import { Button } from '../../primitives/Button.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import styles from './Adapters.module.css';

/** What is being worked out about adapters, and a way to stop it. */
export function WorkMeter() {
  const work = useAdapters((state) => state.work);
  if (work === null) return null;
  const { what, progress } = work;
  const share = progress === null || progress.total === 0 ? null : progress.done / progress.total;
  return (
    <div className={styles.work}>
      <Meter label={what} share={share} />
      <Button size="small" onClick={stopWork}>
        Stop
      </Button>
    </div>
  );
}

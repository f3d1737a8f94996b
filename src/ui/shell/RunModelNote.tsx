import { requestRunModel } from '../../state/model/modelChoice.ts';
import { modelName } from '../../state/model/modelRows.ts';
import { useStored } from '../../state/model/stored.ts';
import { useMissingRunModel } from '../../state/run/runModel.ts';
import { Button } from '../primitives/Button.tsx';
import styles from './RunBar.module.css';

/** Says that the open run needs another model than the loaded one to show its images, and offers to load it. */
export function RunModelNote() {
  const ref = useMissingRunModel();
  const list = useStored((state) => state.list);
  if (ref === null) return null;
  const name = modelName(ref, list) ?? (ref.kind === 'url' ? ref.base : 'a model that is not loaded');
  return (
    <p className={styles.model}>
      <span>Made with {name}: its images are shown once that is loaded.</span>
      <Button size="small" onClick={() => void requestRunModel(ref)}>
        Load it
      </Button>
    </p>
  );
}

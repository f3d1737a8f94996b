import { inspect, useAdapters } from '../../../state/adapters/adapters.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { Button } from '../../primitives/Button.tsx';
import { Choice, type ChoiceOption } from '../../primitives/Choice.tsx';
import { ControlLabel } from '../../primitives/Labeled.tsx';
import styles from './Adapters.module.css';

const NONE = 'none';

type InspectControlsProps = {
  readonly options: readonly ChoiceOption<string>[];
  readonly chosen: string | null;
};

/** Which adapter, and beside which other one. */
export function InspectControls({ options, chosen }: InspectControlsProps) {
  const other = useAdapters((state) => state.other);
  const busy = useAdapters((state) => state.work !== null);
  const working = useRuns((state) => state.activity !== 'idle');
  const set = useAdapters.setState;
  const others = options.filter((option) => option.value !== chosen);
  const beside = others.find((option) => option.value === other)?.value ?? null;
  return (
    <div className={styles.controls}>
      <div className={styles.field}>
        <ControlLabel>Adapter</ControlLabel>
        <Choice
          label="Adapter"
          value={chosen}
          options={options}
          onChange={(adapter) => set({ adapter, facts: null })}
        />
      </div>
      <div className={styles.field}>
        <ControlLabel>Beside</ControlLabel>
        <Choice
          label="Beside"
          value={beside ?? NONE}
          options={[{ value: NONE, label: 'No other one' }, ...others]}
          onChange={(value) => set({ other: value === NONE ? null : value })}
        />
      </div>
      <Button
        look="primary"
        disabled={busy || working || chosen === null}
        onClick={() => chosen !== null && void inspect(chosen, beside)}
      >
        Look inside
      </Button>
    </div>
  );
}

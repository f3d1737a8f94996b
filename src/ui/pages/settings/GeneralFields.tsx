import { MAX_SEED } from '../../../contract/runSchema.ts';
import type { BackendChoice } from '../../../contract/spec.ts';
import { prepareEngine, useEngine } from '../../../state/page/engine.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { patchDraft, useSettings } from '../../../state/setup/settings.ts';
import { Choice } from '../../primitives/Choice.tsx';
import { NumberInput } from '../../primitives/NumberInput.tsx';
import styles from './FieldGroup.module.css';
import { SettingsGroup } from './SettingsGroup.tsx';

const BACKENDS = [
  { value: 'auto', label: 'Best available' },
  { value: 'webgpu', label: 'WebGPU' },
  { value: 'wasm', label: 'Processor (wasm)' },
] as const satisfies readonly { value: BackendChoice; label: string }[];

/** Seed and backend: the same for every preset. */
export function GeneralFields() {
  const { seed, backend, model } = useSettings();
  const reason = useEngine((state) => state.backend?.reason ?? '');
  const busy = useRuns((state) => state.activity !== 'idle');
  const chooseBackend = (choice: BackendChoice) => {
    patchDraft({ backend: choice });
    void prepareEngine(choice, model);
  };
  return (
    <SettingsGroup
      id="general"
      title="Seed and backend"
      summary="The seed fixes every random number of a run; a backend rounds in its own way."
    >
      <div className={styles.row}>
        <div>
          <p className={styles.label}>Seed</p>
          <p className={styles.help}>The official scripts use 42.</p>
        </div>
        <NumberInput
          label="Seed"
          value={seed}
          min={0}
          max={MAX_SEED}
          step={1}
          onChange={(next) => next !== null && patchDraft({ seed: Math.round(next) })}
        />
      </div>
      <div className={styles.row}>
        <div>
          <p className={styles.label}>Backend</p>
          <p className={styles.help}>{reason}</p>
        </div>
        <Choice label="Backend" value={backend} options={BACKENDS} disabled={busy} onChange={chooseBackend} />
      </div>
    </SettingsGroup>
  );
}

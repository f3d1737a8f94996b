import { Radio } from '@base-ui/react/radio';
import { RadioGroup } from '@base-ui/react/radio-group';
import type { PresetName } from '../../../contract/spec.ts';
import { presetsOf } from '../../../state/model/modelPresets.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { changedPaths, choosePreset, useSettings } from '../../../state/setup/settings.ts';
import { formatPlural } from '../../format.ts';
import styles from './PresetChoice.module.css';

/** Where the settings start from, and how many have been changed since. */
export function PresetChoice() {
  const base = useSettings((state) => state.base);
  const changed = useSettings((state) => changedPaths(state).length);
  const model = useSettings((state) => state.model);
  const loaded = useEngine((state) => state.model);
  return (
    <div>
      <RadioGroup
        className={styles.group}
        aria-label="Preset"
        value={base}
        onValueChange={(value) => choosePreset(value as PresetName)}
      >
        {presetsOf(model, loaded).map(({ name, title, summary }) => (
          // biome-ignore lint/a11y/noLabelWithoutControl: the radio inside is the control
          <label key={name} className={styles.preset}>
            <Radio.Root
              value={name}
              className={styles.radio}
              aria-labelledby={`preset-${name}`}
              aria-describedby={`about-${name}`}
            >
              <Radio.Indicator className={styles.dot} />
            </Radio.Root>
            <span>
              <span className={styles.title} id={`preset-${name}`}>
                {title}
              </span>
              <span className={styles.summary} id={`about-${name}`}>
                {summary}
              </span>
            </span>
          </label>
        ))}
      </RadioGroup>
      {changed === 0 ? null : (
        <p className={styles.changed}>
          {formatPlural(changed, 'setting')} changed.{' '}
          <button type="button" className={styles.reset} onClick={() => choosePreset(base)}>
            Undo changes
          </button>
        </p>
      )}
    </div>
  );
}

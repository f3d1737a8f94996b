import { Switch } from '@base-ui/react/switch';
import styles from './controls.module.css';

type ToggleProps = {
  readonly label: string;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly onChange: (checked: boolean) => void;
  /** Shows the label beside the switch; otherwise it is only spoken. */
  readonly visibleLabel?: boolean;
};

/** A switch; its label is spoken, and shown where nothing beside it names it. */
export function Toggle({ label, checked, disabled, onChange, visibleLabel = false }: ToggleProps) {
  const control = (
    <Switch.Root
      className={styles.switch}
      checked={checked}
      disabled={disabled ?? false}
      onCheckedChange={onChange}
      {...(visibleLabel ? {} : { 'aria-label': label })}
    >
      <Switch.Thumb className={styles.switchThumb} />
    </Switch.Root>
  );
  if (!visibleLabel) return control;
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the switch inside is the control
    <label className={styles.switchLabel}>
      {control}
      <span>{label}</span>
    </label>
  );
}

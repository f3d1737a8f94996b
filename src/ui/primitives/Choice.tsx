import { Select } from '@base-ui/react/select';
import styles from './controls.module.css';
import { Icon } from './Icon.tsx';

export type ChoiceOption<T extends string> = {
  readonly value: T;
  readonly label: string;
  readonly help?: string;
};

type ChoiceProps<T extends string> = {
  readonly label: string;
  /** Null while nothing is chosen; `placeholder` is shown then. */
  readonly value: T | null;
  readonly placeholder?: string;
  readonly options: readonly ChoiceOption<T>[];
  readonly disabled?: boolean;
  readonly onChange: (value: T) => void;
};

/** One of a few named values. */
export function Choice<T extends string>({
  label,
  value,
  placeholder,
  options,
  disabled,
  onChange,
}: ChoiceProps<T>) {
  return (
    <Select.Root
      items={[...options]}
      value={value}
      disabled={disabled ?? false}
      modal={false}
      onValueChange={(next) => next !== null && onChange(next)}
    >
      <Select.Trigger className={styles.select} aria-label={label}>
        <Select.Value className={styles.selectValue} placeholder={placeholder} />
        <Select.Icon className={styles.selectIcon}>
          <Icon name="updown" />
        </Select.Icon>
      </Select.Trigger>
      <Select.Portal>
        <Select.Positioner className={styles.positioner} sideOffset={4} alignItemWithTrigger={false}>
          <Select.Popup className={styles.popup}>
            <Select.List aria-label={label}>
              {options.map((option) => (
                <Select.Item key={option.value} value={option.value} className={styles.item}>
                  <Select.ItemIndicator className={styles.itemMark}>
                    <Icon name="check" />
                  </Select.ItemIndicator>
                  <Select.ItemText className={styles.itemText}>{option.label}</Select.ItemText>
                  {option.help === undefined ? null : <span className={styles.itemHelp}>{option.help}</span>}
                </Select.Item>
              ))}
            </Select.List>
          </Select.Popup>
        </Select.Positioner>
      </Select.Portal>
    </Select.Root>
  );
}

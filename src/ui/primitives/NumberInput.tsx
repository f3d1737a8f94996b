import { NumberField } from '@base-ui/react/number-field';
import styles from './controls.module.css';

type NumberInputProps = {
  readonly id?: string;
  readonly label: string;
  readonly value: number | null;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly unit?: string | undefined;
  readonly disabled?: boolean;
  readonly describedBy?: string | undefined;
  readonly onChange: (value: number | null) => void;
};

const FORMAT = { maximumSignificantDigits: 8, useGrouping: false } as const;

/** A number that is typed, stepped with the arrow keys, or stepped with its two buttons. */
export function NumberInput({
  id,
  label,
  value,
  min,
  max,
  step,
  unit,
  disabled,
  describedBy,
  onChange,
}: NumberInputProps) {
  return (
    <NumberField.Root
      {...(id === undefined ? {} : { id })}
      value={value}
      min={min}
      max={max}
      step={step}
      smallStep={step}
      format={FORMAT}
      locale="en-US"
      disabled={disabled ?? false}
      onValueChange={onChange}
    >
      <NumberField.Group className={styles.number}>
        <NumberField.Input
          className={styles.numberInput}
          aria-label={label}
          {...(describedBy === undefined ? {} : { 'aria-describedby': describedBy })}
        />
        {unit === undefined ? null : <span className={styles.unit}>{unit}</span>}
        <NumberField.Decrement className={styles.stepper} aria-label={`${label}: less`}>
          <span aria-hidden="true">−</span>
        </NumberField.Decrement>
        <NumberField.Increment className={styles.stepper} aria-label={`${label}: more`}>
          <span aria-hidden="true">+</span>
        </NumberField.Increment>
      </NumberField.Group>
    </NumberField.Root>
  );
}

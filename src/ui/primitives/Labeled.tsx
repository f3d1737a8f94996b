import type { ComponentProps, ReactNode } from 'react';
import controls from './controls.module.css';
import { NumberInput } from './NumberInput.tsx';

/** What stands above a control that names itself to assistive technology, such as `Choice`. */
export function ControlLabel({ children }: { readonly children: ReactNode }) {
  return <span className={controls.label}>{children}</span>;
}

type LabeledTextProps = Omit<ComponentProps<'input'>, 'onChange' | 'className'> & {
  readonly id: string;
  readonly label: string;
  readonly onChange: (value: string) => void;
};

/** A line of text under its name. */
export function LabeledText({ label, onChange, ...input }: LabeledTextProps) {
  return (
    <>
      <label className={controls.label} htmlFor={input.id}>
        {label}
      </label>
      <input
        {...input}
        className={controls.textInput}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </>
  );
}

type LabeledCountProps = {
  readonly label: string;
  /** Where the words above it need those around them: what it is called by itself. */
  readonly name?: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
};

/** A whole number under its name. */
export function LabeledCount({ label, name = label, value, min, max, onChange }: LabeledCountProps) {
  return (
    <div>
      <ControlLabel>{label}</ControlLabel>
      <NumberInput
        label={name}
        value={value}
        min={min}
        max={max}
        step={1}
        onChange={(next) => next !== null && onChange(Math.round(next))}
      />
    </div>
  );
}

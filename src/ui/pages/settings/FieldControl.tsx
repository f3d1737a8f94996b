import type { Field, FieldValue } from '../../../contract/field.ts';
import { Choice } from '../../primitives/Choice.tsx';
import { NumberInput } from '../../primitives/NumberInput.tsx';
import { Toggle } from '../../primitives/Toggle.tsx';

type FieldControlProps = {
  readonly field: Field;
  readonly value: FieldValue;
  readonly describedBy?: string;
  readonly onChange: (value: FieldValue) => void;
};

/** The control that fits the kind of a setting. */
export function FieldControl({ field, value, describedBy, onChange }: FieldControlProps) {
  switch (field.kind) {
    case 'choice':
      return <Choice label={field.label} value={String(value)} options={field.choices} onChange={onChange} />;
    case 'switch':
      return <Toggle label={field.label} checked={value === true} onChange={onChange} />;
    case 'integer':
    case 'number':
      return (
        <>
          {value === null ? null : (
            <NumberInput
              label={field.label}
              value={Number(value)}
              min={field.min}
              max={field.max}
              step={field.step}
              unit={field.unit === 't' ? undefined : field.unit}
              describedBy={describedBy}
              onChange={(next) =>
                next !== null && onChange(field.kind === 'integer' ? Math.round(next) : next)
              }
            />
          )}
          {field.none === undefined ? null : (
            <Toggle
              label={field.none}
              visibleLabel
              checked={value === null}
              onChange={(off) => onChange(off ? null : (field.initial ?? field.min))}
            />
          )}
        </>
      );
    default:
      return field satisfies never;
  }
}

/**
 * A setting as data: what it may be, and what it is called. A table of fields makes its form on the page, its part of
 * the command line, and two checks of the same values: a strict one for what comes from outside and a loose one for
 * what this or an earlier version stored. The settings that all methods share are in `fields.ts`; a method's own
 * options are fields too (`methods/method.ts`).
 */
import * as v from 'valibot';

export type FieldValue = number | string | boolean | null;

type FieldBase = {
  readonly label: string;
  readonly help: string;
  /** What a record means that was written before this field existed; without it a record must have the field. */
  readonly absent?: FieldValue;
};
type NumberField = FieldBase & {
  readonly kind: 'integer' | 'number';
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** `share`: a part of 1, shown in percent; anything else is written behind the number. */
  readonly unit?: string;
  /** Words for "no value" where the setting can be switched off. */
  readonly none?: string;
  /** Value it begins with when switched on. */
  readonly initial?: number;
};
type ChoiceField<V extends string = string> = FieldBase & {
  readonly kind: 'choice';
  readonly choices: readonly Choice<V>[];
};
type SwitchField = FieldBase & { readonly kind: 'switch' };
export type Field = NumberField | ChoiceField | SwitchField;

type Words = { readonly label: string; readonly help?: string };
type Choice<V extends string> = Words & { readonly value: V };

type FieldTable = Readonly<Record<string, Field>>;
export type FieldGroup<Table = FieldTable> = {
  readonly title: string;
  readonly summary: string;
  readonly fields: Table;
};

/** The table that describes every value of a group of settings: a setting without its field does not compile. */
export type FieldsFor<Group> = { readonly [K in keyof Group]: FieldFor<NonNullable<Group[K]>> & Flag };
/** Name on the command line. */
export type Flag = { readonly flag: string };
type FieldFor<Value> = [Value] extends [boolean]
  ? SwitchField
  : [Value] extends [string]
    ? ChoiceField<Value>
    : NumberField;

/** The choices of a field: each value of the list with its label, and what it does where the label does not tell. */
export function choices<V extends string>(
  values: readonly V[],
  words: Readonly<Record<V, string | Words>>,
): readonly Choice<V>[] {
  return values.map((value) => {
    const said: string | Words = words[value];
    return { value, ...(typeof said === 'string' ? { label: said } : said) };
  });
}

/**
 * `strict`: every value within its range, and nothing else let through. `loose`: the kinds of values alone, since ranges
 * may have been wider when a record was written; what is not known here is kept for the newer page that wrote it.
 */
export type SchemaForm = 'strict' | 'loose';

function fieldSchema(field: Field, form: SchemaForm): v.GenericSchema<unknown, FieldValue> {
  if (field.kind === 'switch') return v.boolean();
  if (field.kind === 'choice') return v.picklist(field.choices.map(({ value }) => value));
  const number = numberSchema(field, form);
  return field.none === undefined ? number : v.nullable(number);
}

function numberSchema({ kind, min, max }: NumberField, form: SchemaForm): v.GenericSchema<unknown, number> {
  const range = form === 'loose' ? v.number() : v.pipe(v.number(), v.minValue(min), v.maxValue(max));
  return kind === 'integer' ? v.pipe(range, v.integer()) : range;
}

/** The check of a group of settings. */
export function tableSchema(table: FieldTable, form: SchemaForm) {
  const entries = Object.fromEntries(
    Object.entries(table).map(([name, field]) => {
      const schema = fieldSchema(field, form);
      return [name, field.absent === undefined ? schema : v.optional(schema, field.absent)];
    }),
  );
  return form === 'strict' ? v.object(entries) : v.looseObject(entries);
}

/** True when the value may be given to the field. */
export function accepts(field: Field, value: unknown): value is FieldValue {
  return v.is(fieldSchema(field, 'strict'), value);
}

/** The value that a text means; undefined where it means none. Not yet checked against the field's range. */
export function parseFieldText(field: Field, text: string): FieldValue | undefined {
  if (field.kind === 'choice') return text;
  if (field.kind === 'switch') return text === 'true' ? true : text === 'false' ? false : undefined;
  if (field.none !== undefined && (text === 'null' || text === 'none')) return null;
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}

/** What the field may be, in words. */
export function describeRange(field: Field): string {
  if (field.kind === 'switch') return 'one of true, false';
  if (field.kind === 'choice') return `one of ${field.choices.map(({ value }) => value).join(', ')}`;
  const number = field.kind === 'integer' ? 'a whole number' : 'a number';
  return `${number} from ${field.min} to ${field.max}${field.none === undefined ? '' : ', or none'}`;
}

/** The value as a person reads it. */
export function describeValue(field: Field, value: FieldValue): string {
  if (field.kind === 'switch') return value === true ? 'Yes' : 'No';
  if (field.kind === 'choice')
    return field.choices.find((option) => option.value === value)?.label ?? String(value);
  if (value === null) return field.none ?? 'None';
  if (field.unit === 'share') return `${Math.round(Number(value) * 100)}%`;
  return field.unit === undefined || field.unit === 't' ? String(value) : `${value} ${field.unit}`;
}

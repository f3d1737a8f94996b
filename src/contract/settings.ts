/** Settings by the path of their field, such as `sampling.steps`. */
import { accepts, type Field, type FieldValue, type Flag } from './field.ts';
import { FIELDS, type GroupName } from './fields.ts';
import type { Settings } from './spec.ts';

export type FieldPath = { [G in GroupName]: `${G}.${keyof Settings[G] & string}` }[GroupName];

export const GROUP_NAMES = Object.keys(FIELDS) as readonly GroupName[];

export const FIELD_PATHS: readonly FieldPath[] = GROUP_NAMES.flatMap(pathsOf);

/** The settings of a group, in the order of the page. */
export function pathsOf(group: GroupName): readonly FieldPath[] {
  return Object.keys(FIELDS[group].fields).map((name) => `${group}.${name}` as FieldPath);
}

/** The entry of the table that describes a setting. */
export function fieldOf(path: FieldPath): Field & Flag {
  const [group, name] = splitPath(path);
  return (FIELDS[group].fields as Readonly<Record<string, Field & Flag>>)[name] as Field & Flag; // a path is made from the table
}

/** The value of a setting; null where it is absent. */
export function getField(settings: Settings, path: FieldPath): FieldValue {
  const [group, name] = splitPath(path);
  return (settings[group] as Readonly<Record<string, FieldValue>>)[name] ?? null;
}

/** A copy of the settings with one value replaced. */
export function setField(settings: Settings, path: FieldPath, value: FieldValue): Settings {
  const [group, name] = splitPath(path);
  return { ...settings, [group]: { ...settings[group], [name]: value } };
}

function splitPath(path: FieldPath): [GroupName, string] {
  const dot = path.indexOf('.');
  return [path.slice(0, dot) as GroupName, path.slice(dot + 1)];
}

/** True when the value may be given to the field. */
export function acceptsValue(path: FieldPath, value: unknown): value is FieldValue {
  return accepts(fieldOf(path), value);
}

/** Relations between settings that no single field can express; the words are shown beside Start. */
export function settingsProblems({ selection, score }: Settings): readonly string[] {
  const problems: string[] = [];
  if (selection.keep > selection.candidates) {
    problems.push('Kept per prompt (k) is larger than candidates per prompt (M).');
  }
  if (score.estimator === 'standard' && score.path !== 'renoise') {
    problems.push('The difference of errors can only be measured on finished images, noised again.');
  }
  return problems;
}

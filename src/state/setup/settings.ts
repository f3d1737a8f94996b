/** The settings of the next run, before it is created. */
import { create } from 'zustand';
import type { FieldValue } from '../../contract/field.ts';
import { presetSettings } from '../../contract/presets.ts';
import { FIELD_PATHS, type FieldPath, getField, setField } from '../../contract/settings.ts';
import type {
  BackendChoice,
  MethodChoice,
  MetricChoice,
  MiTuneSpec,
  ModelRef,
  PresetName,
  RealImagesSpec,
  Settings,
} from '../../contract/spec.ts';
import { chosenMethod } from '../../methods/registry.ts';
import { BUILT_IN_MODEL } from '../../sources/catalog.ts';
import { firstPreset } from '../model/modelPresets.ts';

export const SHAPES_MODEL = { kind: 'url', base: BUILT_IN_MODEL } as const satisfies ModelRef;

export type EditedReadings = NonNullable<MiTuneSpec['readings']>;

export type Draft = {
  /** The preset the settings started from; what differs from it is found by comparing. */
  readonly base: PresetName;
  readonly settings: Settings;
  readonly model: ModelRef;
  readonly seed: number;
  readonly backend: BackendChoice;
  readonly realImages: RealImagesSpec | null;
  /** What the run does; null for MI-TUNE. */
  readonly method: MethodChoice | null;
  /** The way of drawing, where the method has none of its own; null for guidance alone. */
  readonly drawnBy: MethodChoice | null;
  /** Metrics of every image, beside those that the model has by itself. */
  readonly metrics: readonly MetricChoice[];
  /** What prompts speak of, as the user corrected it. */
  readonly readings: EditedReadings;
};

export const INITIAL_DRAFT: Draft = {
  base: 'demo',
  settings: presetSettings('demo'),
  model: SHAPES_MODEL,
  seed: 42,
  backend: 'auto',
  realImages: null,
  method: null,
  drawnBy: null,
  metrics: [],
  readings: {},
};

export const useSettings = create<Draft>()(() => INITIAL_DRAFT);
const { setState: set } = useSettings;

export function choosePreset(name: PresetName): void {
  set({ base: name, settings: presetSettings(name) });
}

export function setSetting(path: FieldPath, value: FieldValue): void {
  set(({ settings }) => ({ settings: setField(settings, path, value) }));
}

/** Changes what no preset decides. */
export function patchDraft(part: Partial<Omit<Draft, 'base' | 'settings'>>): void {
  set(part);
}

export function replaceDraft(draft: Draft): void {
  set(draft);
}

/** Settings whose value is not that of the preset they started from. */
export function changedPaths(draft: Pick<Draft, 'base' | 'settings'>): readonly FieldPath[] {
  const preset = presetSettings(draft.base);
  return FIELD_PATHS.filter((path) => getField(draft.settings, path) !== getField(preset, path));
}

/** The run that the draft and a prompt list ask for. */
export function buildSpec(draft: Draft, prompts: readonly string[]): MiTuneSpec {
  return {
    version: 1,
    preset: changedPaths(draft).length === 0 ? draft.base : 'custom',
    model: draft.model,
    prompts,
    seed: draft.seed,
    backend: draft.backend,
    ...methodsOf(draft),
    ...draft.settings,
    realImages: draft.realImages,
    ...(draft.metrics.length === 0 ? {} : { metrics: draft.metrics }),
    ...readingsOf(draft, prompts),
  };
}

/** Corrected readings of the run's prompts. */
function readingsOf({ readings }: Draft, prompts: readonly string[]): Pick<MiTuneSpec, 'readings'> {
  const own = new Set(prompts);
  const kept = Object.entries(readings).filter(([prompt]) => own.has(prompt));
  return kept.length === 0 ? {} : { readings: Object.fromEntries(kept) };
}

/** The methods that the draft names, as a run's spec has them. */
export function methodsOf({
  method,
  drawnBy,
}: Pick<Draft, 'method' | 'drawnBy'>): Pick<MiTuneSpec, 'method' | 'drawnBy'> {
  const draws = chosenMethod(method ?? undefined).method.draws;
  return {
    ...(method === null ? {} : { method }),
    ...(drawnBy === null || draws ? {} : { drawnBy }),
  };
}

/** The draft that would ask for the given run again. */
export function draftOf(spec: MiTuneSpec): Draft {
  const { sampling, score, selection, adapter, training } = spec;
  return {
    base: spec.preset === 'custom' ? firstPreset(spec.model, null).base : spec.preset,
    settings: { sampling, score, selection, adapter, training },
    model: spec.model,
    seed: spec.seed,
    backend: spec.backend,
    realImages: spec.realImages,
    metrics: spec.metrics ?? [],
    method: spec.method ?? null,
    drawnBy: spec.drawnBy ?? null,
    readings: spec.readings ?? {},
  };
}

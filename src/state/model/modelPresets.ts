/** Which presets suit a model, loaded or not. */
import { type Preset, presetsFor } from '../../contract/presets.ts';
import type { ModelReport } from '../../contract/runTypes.ts';
import { type ModelRef, type PresetName, sameRef } from '../../contract/spec.ts';
import { CATALOG } from '../../sources/catalog.ts';
import type { PlannedSettings } from './loadPlans.ts';

/** The first one is what a model starts with. `loaded`: what is known of the model in use, which may be another one. */
export function presetsOf(ref: ModelRef, loaded: ModelReport | null): readonly Preset[] {
  return presetsFor({ shapesWorld: drawsShapes(ref, loaded) });
}

/** Whether a preset suits the model. */
export function offersPreset(ref: ModelRef, loaded: ModelReport | null, name: PresetName): boolean {
  return presetsOf(ref, loaded).some((preset) => preset.name === name);
}

/** What a model starts with. */
export function firstPreset(ref: ModelRef, loaded: ModelReport | null): PlannedSettings {
  const preset = presetsOf(ref, loaded)[0];
  if (preset === undefined) throw new RangeError('there are no presets');
  return { base: preset.name, settings: preset.settings };
}

function drawsShapes(ref: ModelRef, loaded: ModelReport | null): boolean {
  if (loaded !== null && sameRef(loaded.ref, ref)) return loaded.shapesWorld;
  return CATALOG.some(({ family, base }) => family === 'shapes' && ref.kind === 'url' && ref.base === base);
}

/** Loading a CLIP: two parts, each on the device only while it is held. */
import type { WeightFormat } from '../../contract/backend.ts';
import type { ParameterReader } from '../../models/checkpointReader.ts';
import { type ParameterSpec, recordParameters } from '../../models/parameters.ts';
import { Part, type ReadOptions } from '../../models/part.ts';
import type { ClipConfig } from './config.ts';
import {
  askForScale,
  buildTextTower,
  buildVisionTower,
  type ClipTextTower,
  type ClipVisionTower,
} from './weights.ts';

export type Clip = {
  readonly config: ClipConfig;
  readonly text: ClipTextTower;
  readonly vision: ClipVisionTower;
  readonly parts: { readonly text: Part; readonly vision: Part };
  dispose(): void;
};

/** The parameters of each tower. */
export function clipSpecs(config: ClipConfig): Record<'text' | 'vision', readonly ParameterSpec[]> {
  return { text: textSpecs(config), vision: recordParameters((p) => buildVisionTower(config, p)) };
}

/** Opens both towers; their matrices come when a part is held. @throws StudioError `weights-not-finite` */
export async function openClip(
  reader: ParameterReader,
  config: ClipConfig,
  options: TowerOptions,
): Promise<Clip> {
  const { text, vision } = clipSpecs(config);
  const parts = await openBoth(reader, [text, vision], options);
  return {
    config,
    text: buildTextTower(config, parts.text.source),
    vision: buildVisionTower(config, parts.beside.source),
    parts: { text: parts.text, vision: parts.beside },
    dispose: parts.dispose,
  };
}

export type TowerOptions = { readonly format: WeightFormat } & ReadOptions;

/** A text tower and what stands beside it, or neither. */
export async function openBoth(
  reader: ParameterReader,
  [first, second]: readonly [text: readonly ParameterSpec[], beside: readonly ParameterSpec[]],
  { format, ...options }: TowerOptions,
): Promise<{ readonly text: Part; readonly beside: Part; dispose(): void }> {
  const text = await Part.open(reader, first, { format, stays: false }, options);
  try {
    const beside = await Part.open(reader, second, { format, stays: false }, options);
    const dispose = (): void => {
      text.dispose();
      beside.dispose();
    };
    return { text, beside, dispose };
  } catch (error) {
    text.dispose();
    throw error;
  }
}

/** The parameters of a text tower; the scale is read with it. */
export function textSpecs(config: ClipConfig): readonly ParameterSpec[] {
  return recordParameters((p) => {
    buildTextTower(config, p);
    askForScale(p);
  });
}

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

/** The parameters of each tower; the scale is read with the text. */
export function clipSpecs(config: ClipConfig): Record<'text' | 'vision', readonly ParameterSpec[]> {
  return {
    text: recordParameters((p) => {
      buildTextTower(config, p);
      askForScale(p);
    }),
    vision: recordParameters((p) => buildVisionTower(config, p)),
  };
}

/** Opens both towers; their matrices come when a part is held. @throws StudioError `weights-not-finite` */
export async function openClip(
  reader: ParameterReader,
  config: ClipConfig,
  { format, ...options }: { readonly format: WeightFormat } & ReadOptions,
): Promise<Clip> {
  const specs = clipSpecs(config);
  const text = await Part.open(reader, specs.text, { format, stays: false }, options);
  try {
    const vision = await Part.open(reader, specs.vision, { format, stays: false }, options);
    return {
      config,
      text: buildTextTower(config, text.source),
      vision: buildVisionTower(config, vision.source),
      parts: { text, vision },
      dispose: () => {
        text.dispose();
        vision.dispose();
      },
    };
  } catch (error) {
    text.dispose();
    throw error;
  }
}

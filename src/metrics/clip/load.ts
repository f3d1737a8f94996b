/** Loading a CLIP, or what stands on one: two parts, each on the device only while it is held. */
import type { WeightFormat } from '../../contract/backend.ts';
import type { ParameterReader } from '../../models/checkpointReader.ts';
import { type ParameterSource, type ParameterSpec, recordParameters } from '../../models/parameters.ts';
import { Part, type ReadOptions } from '../../models/part.ts';
import type { ClipConfig } from './config.ts';
import {
  askForScale,
  buildTextTower,
  buildVisionTower,
  type ClipTextTower,
  type ClipVisionTower,
} from './weights.ts';

/** A text tower and a network of pictures beside it. */
export type Towers<P> = {
  readonly config: ClipConfig;
  readonly text: ClipTextTower;
  readonly picture: P;
  readonly parts: { readonly text: Part; readonly picture: Part };
  dispose(): void;
};

export type Clip = Towers<ClipVisionTower>;

/** Asks for the parameters of the network of pictures. */
type BuildPicture<P> = (config: ClipConfig, p: ParameterSource) => P;

export type TowerOptions = { readonly format: WeightFormat } & ReadOptions;

/** The parameters of each part; CLIP's scale is read with the text tower. */
export function towerSpecs<P>(
  config: ClipConfig,
  build: BuildPicture<P>,
): Readonly<Record<'text' | 'picture', readonly ParameterSpec[]>> {
  const text = recordParameters((p) => {
    buildTextTower(config, p);
    askForScale(p);
  });
  return { text, picture: recordParameters((p) => build(config, p)) };
}

/** Opens both parts, or neither; their matrices come when a part is held. @throws StudioError `weights-not-finite` */
export async function openTowers<P>(
  reader: ParameterReader,
  config: ClipConfig,
  build: BuildPicture<P>,
  { format, ...options }: TowerOptions,
): Promise<Towers<P>> {
  const specs = towerSpecs(config, build);
  const text = await Part.open(reader, specs.text, { format, stays: false }, options);
  try {
    const picture = await Part.open(reader, specs.picture, { format, stays: false }, options);
    return {
      config,
      text: buildTextTower(config, text.source),
      picture: build(config, picture.source),
      parts: { text, picture },
      dispose: () => {
        text.dispose();
        picture.dispose();
      },
    };
  } catch (error) {
    text.dispose();
    throw error;
  }
}

/** The parameters of each tower. */
export function clipSpecs(config: ClipConfig): ReturnType<typeof towerSpecs> {
  return towerSpecs(config, buildVisionTower);
}

/** Opens both towers of a CLIP. @throws StudioError `weights-not-finite` */
export function openClip(reader: ParameterReader, config: ClipConfig, options: TowerOptions): Promise<Clip> {
  return openTowers(reader, config, buildVisionTower, options);
}

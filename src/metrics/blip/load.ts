/** Loading BLIP-VQA. */
import type { WeightFormat } from '../../contract/backend.ts';
import type { ParameterReader } from '../../models/checkpointReader.ts';
import { recordParameters } from '../../models/parameters.ts';
import { Part, type ReadOptions } from '../../models/part.ts';
import type { BlipConfig } from './config.ts';
import { type BlipWeights, buildBlip } from './weights.ts';

export type Blip = { readonly weights: BlipWeights; readonly part: Part; dispose(): void };

/** Opens the network; its matrices come when the part is held. @throws StudioError `weights-not-finite` */
export async function openBlip(
  reader: ParameterReader,
  config: BlipConfig,
  { format, ...options }: { readonly format: WeightFormat } & ReadOptions,
): Promise<Blip> {
  const specs = recordParameters((p) => buildBlip(config, p));
  const part = await Part.open(reader, specs, { format, stays: false }, options);
  return { weights: buildBlip(config, part.source), part, dispose: () => part.dispose() };
}

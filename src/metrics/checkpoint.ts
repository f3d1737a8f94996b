/** Which network a checkpoint is, told from the names in it, and its tensors under our names. */
import { arrangeTensors, type TensorFile } from '../formats/tensorFile.ts';
import { StudioError } from '../lib/errors.ts';
import { countParameters, type ParameterSpec, recordParameters } from '../models/parameters.ts';
import { type BlipConfig, originalBlipConfig, parseBlipConfig } from './blip/config.ts';
import { fromBlip, isOriginalBlip } from './blip/layouts.ts';
import { buildBlip } from './blip/weights.ts';
import { type ClipConfig, parseClipConfig } from './clip/config.ts';
import { configFromShapes, fromHuggingFace, fromOpenAi, isOpenAiLayout } from './clip/layouts.ts';
import { clipSpecs } from './clip/load.ts';
import { fromOwl, isOwlLayout, parseOwlConfig } from './owl/config.ts';
import { owlSpecs } from './owl/load.ts';

/** A config as it lies beside the weights; null where there is none. */
export type ConfigText = { readonly json: unknown; readonly file: string } | null;

export type MetricCheckpoint = (
  | { readonly kind: 'clip'; readonly config: ClipConfig }
  | { readonly kind: 'owl'; readonly config: ClipConfig }
  | { readonly kind: 'blip'; readonly config: BlipConfig }
) & {
  /** Whose names the file has, for the user. */
  readonly layout: string;
  /** The tensors under our names. */
  readonly file: TensorFile;
  readonly specs: readonly ParameterSpec[];
  readonly parameters: number;
};

/**
 * Looks at names and shapes only.
 * @throws StudioError `metric-checkpoint` for a file that is neither; `metric-config`, `weights-mismatch`
 */
export function openMetricCheckpoint(file: TensorFile, config: ConfigText): MetricCheckpoint {
  if (isOriginalBlip(file)) return blip(file, originalBlipConfig(file), 'original BLIP');
  if (file.entries.has('text_decoder.cls.predictions.transform.dense.weight')) {
    return blip(file, parseBlipConfig(...needed(file, config)), 'Hugging Face BLIP');
  }
  if (isOwlLayout(file)) return owl(file, parseOwlConfig(...needed(file, config)));
  if (isOpenAiLayout(file)) {
    const known = config !== null && hasKey(config.json, 'vision_cfg');
    return clip(
      file,
      known ? parseClipConfig(config.json, config.file) : configFromShapes(file),
      'OpenAI or open_clip',
    );
  }
  if (file.entries.has('visual_projection.weight')) {
    return clip(file, parseClipConfig(...needed(file, config)), 'Hugging Face CLIP');
  }
  throw new StudioError(
    'metric-checkpoint',
    `${file.name} is neither a CLIP, nor a BLIP that answers questions, nor an OWL-ViT.`,
    {
      where: file.name,
      remedy: 'Choose a checkpoint in the layout of OpenAI, open_clip, Salesforce or transformers.',
    },
  );
}

function clip(file: TensorFile, config: ClipConfig, layout: string): MetricCheckpoint {
  const { text, picture } = clipSpecs(config);
  const specs = [...text, ...picture];
  const arrange = isOpenAiLayout(file) ? fromOpenAi : fromHuggingFace;
  const parameters = countParameters(specs);
  return { kind: 'clip', config, layout, file: arrangeTensors(file, arrange), specs, parameters };
}

function owl(file: TensorFile, config: ClipConfig): MetricCheckpoint {
  const { text, picture } = owlSpecs(config);
  const specs = [...text, ...picture];
  const parameters = countParameters(specs);
  const layout = 'Hugging Face OWL-ViT';
  return { kind: 'owl', config, layout, file: arrangeTensors(file, fromOwl), specs, parameters };
}

function blip(file: TensorFile, config: BlipConfig, layout: string): MetricCheckpoint {
  const specs = recordParameters((p) => buildBlip(config, p));
  const parameters = countParameters(specs);
  return { kind: 'blip', config, layout, file: arrangeTensors(file, fromBlip), specs, parameters };
}

function needed(file: TensorFile, config: ConfigText): [json: unknown, file: string] {
  if (config !== null) return [config.json, config.file];
  throw new StudioError('model-file-missing', `${file.name} needs its config.json.`, {
    where: 'config.json',
    remedy: 'Choose the folder that contains the file and its config.json.',
  });
}

function hasKey(json: unknown, key: string): boolean {
  return typeof json === 'object' && json !== null && key in json;
}

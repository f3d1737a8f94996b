/** From the files of a metric's model to the meter that runs it. */
import type { WeightFormat } from '../contract/backend.ts';
import type { PixelImage } from '../contract/events.ts';
import type { EditedPhrases } from '../contract/spec.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import type { TensorFile } from '../formats/tensorFile.ts';
import { looksLikeTorchFile, openTorchFile } from '../formats/torchFile.ts';
import type { ByteSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { checkpointReader } from '../models/checkpointReader.ts';
import { type ModelFolder, readJson, readText } from '../models/folder.ts';
import type { ClipTokenizer } from '../models/text/tokenizer.ts';
import { openBlip } from './blip/load.ts';
import { blipMeter } from './blip/meter.ts';
import { makeWordPiece } from './blip/wordPiece.ts';
import { type ConfigText, openMetricCheckpoint } from './checkpoint.ts';
import { openClip } from './clip/load.ts';
import { clipMeter } from './clip/meter.ts';
import { makeMetricTokenizer } from './clip/textRows.ts';
import { toRgb } from './exactMeter.ts';
import { blipPixels, clipPixels, hpsPixels } from './images/preprocess.ts';
import type { Meter, Metric, MetricNetwork } from './metric.ts';
import { openOwl } from './owl/load.ts';
import { owlMeter } from './owl/meter.ts';
import type { Pixels } from './vision/run.ts';

type OpenMeterOptions = {
  /** Precision of matrices on the device. */
  readonly format: WeightFormat;
  /** Noun phrases that replace those found in prompts. */
  readonly phrases?: EditedPhrases | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Names that weights go by, the preferred first. */
const WEIGHTS = [
  'model.safetensors',
  'open_clip_model.safetensors',
  'model.pt',
  'pytorch_model.bin',
] as const;
const CONFIGS = ['config.json', 'open_clip_config.json'] as const;

const PREPARE: Readonly<Record<MetricNetwork['pixels'], (image: PixelImage, size: number) => Pixels>> = {
  'clip-torchvision': (image, size) => clipPixels(rgbOf(image), size),
  'clip-transformers': (image, size) => clipPixels(rgbOf(image), size, { crop: 'transformers' }),
  hps: (image, size) => hpsPixels(rgbOf(image), size),
  blip: (image, size) => blipPixels(rgbOf(image), size),
  owlvit: (image, size) => blipPixels(rgbOf(image), size),
};

/**
 * Opens a metric's network; its matrices come to the device when they are first needed.
 * @throws StudioError `metric-checkpoint`, `metric-config`, `weights-mismatch`, `tokenizer-invalid`, `model-file-missing`
 */
export async function openMeter(
  metric: Metric,
  folder: ModelFolder,
  { format, phrases, signal }: OpenMeterOptions,
): Promise<Meter> {
  const { network } = metric;
  if (network === null) throw new RangeError(`${metric.name} has no network`);
  const file = await openWeights(await folder.open(...WEIGHTS));
  const checkpoint = openMetricCheckpoint(file, await readConfig(folder));
  const pixelsOf = PREPARE[network.pixels];
  const reader = checkpointReader(checkpoint.file, checkpoint.specs, file.name);
  switch (checkpoint.kind) {
    case 'clip': {
      if (network.pixels === 'blip' || network.pixels === 'owlvit')
        throw otherKind(metric, checkpoint.layout);
      const tokenizer = await clipTokenizer(folder, checkpoint.config.text.maxTokens);
      const clip = await openClip(reader, checkpoint.config, { format, signal });
      return clipMeter(metric, clip, tokenizer, pixelsOf);
    }
    case 'owl': {
      if (network.pixels !== 'owlvit') throw otherKind(metric, checkpoint.layout);
      const tokenizer = await clipTokenizer(folder, checkpoint.config.text.maxTokens);
      const owl = await openOwl(reader, checkpoint.config, { format, signal });
      return owlMeter(metric, owl, tokenizer, pixelsOf);
    }
    case 'blip': {
      if (network.pixels !== 'blip') throw otherKind(metric, checkpoint.layout);
      const tokenizer = makeWordPiece(await readText(folder, 'vocab.txt'));
      const blip = await openBlip(reader, checkpoint.config, { format, signal });
      return blipMeter(metric, blip, tokenizer, { pixelsOf, phrases });
    }
    default:
      return checkpoint satisfies never;
  }
}

async function clipTokenizer(folder: ModelFolder, maxTokens: number): Promise<ClipTokenizer> {
  const files = {
    vocab: await readText(folder, 'vocab.json'),
    merges: await readText(folder, 'merges.txt'),
  };
  return makeMetricTokenizer(files, maxTokens);
}

/** By its first bytes, whatever it is called. */
async function openWeights(source: ByteSource): Promise<TensorFile> {
  const start = await source.read(0, Math.min(4, source.sizeBytes));
  return looksLikeTorchFile(start) ? openTorchFile(source) : openSafetensors(source);
}

async function readConfig(folder: ModelFolder): Promise<ConfigText> {
  for (const file of CONFIGS) {
    try {
      const json = await readJson(folder, file);
      const inner = (json as { model_cfg?: unknown } | null)?.model_cfg;
      return { json: inner ?? json, file };
    } catch (error) {
      if (!(error instanceof StudioError) || error.code !== 'model-file-missing') throw error;
    }
  }
  return null;
}

function rgbOf(image: PixelImage): { rgb: Uint8Array; height: number; width: number } {
  return { rgb: toRgb(image), height: image.height, width: image.width };
}

function otherKind(metric: Metric, layout: string): StudioError {
  return new StudioError('metric-checkpoint', `${metric.title} cannot run a checkpoint of ${layout}.`, {
    where: metric.name,
    remedy: 'Give the folder of the model that the metric names.',
  });
}

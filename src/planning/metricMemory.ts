/**
 * What a metric takes of the device's memory: its real code, with parameters of the real sizes, on a device that only
 * creates buffers (or only counts them).
 */
import { openBlip } from '../metrics/blip/load.ts';
import { MAX_QUESTION_TOKENS, MAX_QUESTIONS } from '../metrics/blip/questions.ts';
import { encodeBlipImage, encodeQuestions, startAnswers } from '../metrics/blip/run.ts';
import type { MetricCheckpoint } from '../metrics/checkpoint.ts';
import type { ClipConfig } from '../metrics/clip/config.ts';
import { openClip } from '../metrics/clip/load.ts';
import { imageFeatures, textFeatures, unitRows } from '../metrics/clip/run.ts';
import { TEXT_BATCH } from '../metrics/clip/textRows.ts';
import { openOwl } from '../metrics/owl/load.ts';
import { classLogits, patchBoxes, patchFeatures } from '../metrics/owl/run.ts';
import type { Pixels } from '../metrics/vision/run.ts';
import { constantReader } from '../models/checkpointReader.ts';
import { trimPool } from '../tensor/memory.ts';
import { type Tensor2D, tf } from '../tensor/tf.ts';
import type { BufferMeter } from '../tensor/webgpu/bufferMeter.ts';
import { type RehearsalOptions, rehearse } from '../tensor/webgpu/rehearsalDevice.ts';

type MetricPhase = {
  readonly phase: 'texts' | 'picture';
  /** Most bytes of all living buffers at any time of the phase. */
  readonly peakBytes: number;
  /** Of these: matrices and vectors. */
  readonly weightBytes: number;
};

type Configured = Pick<MetricCheckpoint, 'kind' | 'config'>;

/** Weights as halves: texts in batches, then pictures one by one; BLIP asks the most questions that are ever asked. */
export function measureMetric(
  checkpoint: Configured,
  options: RehearsalOptions = {},
): Promise<readonly MetricPhase[]> {
  return rehearse((meter) => measure(checkpoint as MetricCheckpoint, meter), options);
}

async function measure(checkpoint: MetricCheckpoint, meter: BufferMeter): Promise<readonly MetricPhase[]> {
  const others = meter.liveBytes;
  const phases: MetricPhase[] = [];
  const phase = async (
    name: MetricPhase['phase'],
    part: { hold(): Promise<() => void> },
    work: () => Promise<unknown>,
  ): Promise<void> => {
    trimPool();
    meter.restart();
    const release = await part.hold();
    const weightBytes = meter.liveBytes - others;
    await work();
    phases.push({ phase: name, peakBytes: meter.peakBytes - others, weightBytes });
    release();
  };
  const reader = constantReader(0);
  if (checkpoint.kind === 'blip') {
    const { weights: w, part, dispose } = await openBlip(reader, checkpoint.config, { format: 'f16' });
    const lengths = Array.from({ length: MAX_QUESTIONS }, (_, i) => MAX_QUESTION_TOKENS - i);
    const ids = lengths.map(() => new Array<number>(MAX_QUESTION_TOKENS).fill(0));
    await phase('picture', part, async () => {
      const image = encodeBlipImage(w, emptyPixels(checkpoint.config.vision.imageSize));
      const states = encodeQuestions(w, image, { ids, lengths });
      await startAnswers(w, states, { lengths }, 0);
      image.dispose();
      states.dispose();
    });
    dispose();
    return phases;
  }
  const { config } = checkpoint;
  if (checkpoint.kind === 'owl') {
    const owl = await openOwl(reader, config, { format: 'f16' });
    await phase('texts', owl.parts.text, async () =>
      unitRows(textFeatures(owl.text, emptyTexts(config, TEXT_BATCH))),
    );
    await phase('picture', owl.parts.picture, async () => {
      const features = patchFeatures(owl.picture, emptyPixels(config.vision.imageSize));
      const texts = tf.zeros([2, config.embedWidth]) as Tensor2D;
      const found = [classLogits(owl.picture, features, texts), patchBoxes(owl.picture, features)];
      for (const tensor of found) await tensor.data();
      tf.dispose([features, texts, ...found]);
    });
    owl.dispose();
    return phases;
  }
  const clip = await openClip(reader, config, { format: 'f16' });
  await phase('texts', clip.parts.text, async () =>
    unitRows(textFeatures(clip.text, emptyTexts(config, TEXT_BATCH))),
  );
  await phase('picture', clip.parts.picture, async () =>
    unitRows(imageFeatures(clip.picture, emptyPixels(config.vision.imageSize))),
  );
  clip.dispose();
  return phases;
}

function emptyTexts({ text }: ClipConfig, count: number): number[][] {
  return Array.from({ length: count }, () => new Array<number>(text.maxTokens).fill(0));
}

function emptyPixels(size: number): Pixels {
  return { values: new Float32Array(3 * size * size), count: 1, height: size, width: size };
}

/** CLIP as a meter: texts first, then pictures, with one tower on the device at a time. */
import type { PixelImage } from '../../contract/events.ts';
import type { ClipTokenizer } from '../../models/text/tokenizer.ts';
import { trimPool } from '../../tensor/memory.ts';
import { withoutAdjectives } from '../language/withoutAdjectives.ts';
import type { Meter, Metric } from '../metric.ts';
import { complexGroup } from '../t2i/complexGroups.ts';
import { BARE } from '../t2i/derived.ts';
import type { Pixels } from '../vision/run.ts';
import type { Clip } from './load.ts';
import { cosine, imageFeatures, textFeatures, unitRows } from './run.ts';
import { withoutPadding } from './tokenize.ts';

/** Texts that are encoded together. */
export const TEXT_BATCH = 32;

export function clipMeter(
  metric: Metric,
  clip: Clip,
  tokenizer: ClipTokenizer,
  pixelsOf: (image: PixelImage, size: number) => Pixels,
): Meter {
  const texts = new Map<string, Float32Array>();
  let releaseVision: (() => void) | null = null;
  const rest = (): void => {
    releaseVision?.();
    releaseVision = null;
  };
  const prepare = async (prompts: readonly string[]): Promise<void> => {
    const asked = await Promise.all(prompts.map(async (prompt) => [prompt, await bareText(prompt)]));
    const missing = [...new Set(asked.flat())].filter(
      (text) => text !== null && !texts.has(text),
    ) as string[];
    if (missing.length === 0) return;
    const release = await clip.parts.text.hold();
    try {
      for (let from = 0; from < missing.length; from += TEXT_BATCH) {
        const batch = missing.slice(from, from + TEXT_BATCH);
        const ids = withoutPadding(batch.map((prompt) => tokenizer.encode(prompt)));
        const rows = await unitRows(textFeatures(clip.text, ids));
        for (const [i, prompt] of batch.entries()) texts.set(prompt, rows[i] as Float32Array);
      }
    } finally {
      release();
      trimPool();
    }
  };
  return {
    metric,
    prepare,
    asks: async () => [],
    measure: async (image, prompt) => {
      await prepare([prompt]);
      releaseVision ??= await clip.parts.vision.hold();
      const pixels = pixelsOf(image, clip.config.vision.imageSize);
      const [row] = (await unitRows(imageFeatures(clip.vision, pixels))) as [Float32Array];
      const bare = await bareText(prompt);
      return {
        value: cosine(row, texts.get(prompt) as Float32Array),
        ...(bare === null ? {} : { parts: { [BARE]: cosine(row, texts.get(bare) as Float32Array) } }),
      };
    },
    rest,
    dispose: () => {
      rest();
      clip.dispose();
    },
  };
}

/** A complex prompt of the benchmark as its 3-in-1 score reads it; null for all others. */
async function bareText(prompt: string): Promise<string | null> {
  return complexGroup(prompt) === null ? null : withoutAdjectives(prompt);
}

/** CLIP as a meter: texts first, then pictures, with one tower on the device at a time. */
import type { PixelImage } from '../../contract/events.ts';
import { heldInUse } from '../../models/part.ts';
import type { ClipTokenizer } from '../../models/text/tokenizer.ts';
import { withoutAdjectives } from '../language/tagger.ts';
import { BARE } from '../measure.ts';
import type { Meter, Metric } from '../metric.ts';
import { complexGroup } from '../t2i/complexPrompts.ts';
import type { Pixels } from '../vision/run.ts';
import type { Clip } from './load.ts';
import { cosine, imageFeatures, unitRows } from './run.ts';
import { textRows } from './textRows.ts';

/** @param pixelsOf the preparation of pictures that the metric's original uses */
export function clipMeter(
  metric: Metric,
  clip: Clip,
  tokenizer: ClipTokenizer,
  pixelsOf: (image: PixelImage, size: number) => Pixels,
): Meter {
  const texts = textRows(clip, tokenizer);
  const network = heldInUse(clip.parts.picture);
  const prepare = async (prompts: readonly string[]): Promise<void> => {
    const asked = await Promise.all(prompts.map(async (prompt) => [prompt, await bareText(prompt)]));
    await texts.prepare(asked.flat().filter((text) => text !== null));
  };
  return {
    metric,
    prepare,
    asks: async () => [],
    measure: async (image, prompt) => {
      await prepare([prompt]);
      await network.use();
      const pixels = pixelsOf(image, clip.config.vision.imageSize);
      const [row] = (await unitRows(imageFeatures(clip.picture, pixels))) as [Float32Array];
      const bare = await bareText(prompt);
      return {
        value: cosine(row, texts.of(prompt)),
        ...(bare === null ? {} : { parts: { [BARE]: cosine(row, texts.of(bare)) } }),
      };
    },
    rest: network.rest,
    dispose: () => {
      network.rest();
      clip.dispose();
    },
  };
}

/** A complex prompt of the benchmark as its 3-in-1 score reads it; null for all others. */
async function bareText(prompt: string): Promise<string | null> {
  return complexGroup(prompt) === null ? null : withoutAdjectives(prompt);
}

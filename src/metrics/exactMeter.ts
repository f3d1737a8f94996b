import type { PixelImage } from '../contract/events.ts';
import { parsePrompt } from '../shapes/parse.ts';
import { scoreImage } from '../shapes/score.ts';
import { exactShapes } from './exactShapes.ts';
import type { Meter } from './metric.ts';

/** Silent about prompts outside the grammar of the shapes world. */
export const exactMeter: Meter = {
  metric: exactShapes,
  prepare: async () => undefined,
  asks: async (prompt) => (parsePrompt(prompt) === null ? null : []),
  measure: async (image, prompt) => {
    const found = scoreImage(toRgb(image), prompt);
    return found === null ? null : { value: found.share, parts: { strict: found.strict ? 1 : 0 } };
  },
  rest: () => undefined,
  dispose: () => undefined,
};

/** Drops the alpha channel. */
export function toRgb({ rgba }: PixelImage): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let p = 0; p < rgba.length / 4; p++) rgb.set(rgba.subarray(4 * p, 4 * p + 3), 3 * p);
  return rgb;
}

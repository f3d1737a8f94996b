// Meters as the engine opens them.

import { describe, expect, it } from 'vitest';
import type { PixelImage } from '../../../src/contract/events.ts';
import { decodePng } from '../../../src/formats/png.ts';
import { openMeter } from '../../../src/metrics/openMeter.ts';
import { shapesClip } from '../../../src/metrics/shapesClip.ts';
import { urlFolder } from '../../../src/models/folder.ts';
import golden from '../../golden/metrics/shapesClip.json';
import { onBackends } from '../kernels/harness.ts';

const model = new URL('/models/shapes-clip/', location.href).href;

async function imageOf(base64: string): Promise<PixelImage> {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const { rgb, width, height } = await decodePng(bytes, 'golden');
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let p = 0; p < width * height; p++) rgba.set(rgb.subarray(3 * p, 3 * p + 3), 4 * p);
  return { rgba, width, height };
}

onBackends('the CLIP of the shapes world', (backend) => {
  it('gives the numbers of PyTorch, in any order, with texts read ahead or not', async () => {
    const meter = await openMeter(shapesClip, urlFolder(model), { format: 'f32' });
    await meter.prepare(golden.slice(0, 2).map(({ text }) => text));
    for (const { text, score, png } of golden.toReversed()) {
      const reading = await meter.measure(await imageOf(png), text);
      expect(reading?.value).toBeCloseTo(score, backend === 'webgpu' ? 5 : 6);
    }
    meter.dispose();
  });
});

describe('a model that is not the metric’s', () => {
  it('is refused by name', async () => {
    const wrong = { ...shapesClip, network: { model: 'blip-vqa-480', pixels: 'blip' } } as const;
    await expect(openMeter(wrong, urlFolder(model), { format: 'f32' })).rejects.toThrow(
      /cannot run a checkpoint/,
    );
  });
});

// Meters as the engine opens them.

import { describe, expect, it } from 'vitest';
import type { PixelImage } from '../../../src/contract/events.ts';
import { decodePng } from '../../../src/formats/png.ts';
import { shapesClip } from '../../../src/metrics/clipMetrics.ts';
import { openMeter } from '../../../src/metrics/openMeter.ts';
import { unidetStyle } from '../../../src/metrics/t2iMetrics.ts';
import { type ModelFolder, urlFolder } from '../../../src/models/folder.ts';
import golden from '../../golden/metrics/shapesClip.json';
import { onBackends } from '../kernels/harness.ts';

const model = new URL('/models/shapes-clip/', location.href).href;
const files = new URL('/tests/golden/metrics/', location.href).href;

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

onBackends('a detector in the place of UniDet', (backend) => {
  it('finds the two objects of a prompt by their names, and is silent where no place is named', async () => {
    const folder: ModelFolder = {
      name: 'tiny',
      open: (...paths) => {
        const path = paths[0] === 'model.safetensors' || paths[0] === 'config.json' ? 'owl_vit' : 'clip_bpe';
        return urlFolder(`${files}${path}/`).open(...paths);
      },
    };
    const meter = await openMeter(unidetStyle, folder, { format: backend === 'webgpu' ? 'f16' : 'f32' });
    const image = await imageOf((golden[0] as (typeof golden)[number]).png);
    const prompt = 'a girl on the left of a dog';
    await meter.prepare([prompt]);
    expect(await meter.asks(prompt)).toEqual(['a photo of a person', 'a photo of a dog']);
    const reading = await meter.measure(image, prompt);
    meter.rest();
    expect(await meter.measure(image, prompt)).toEqual(reading);
    expect(reading?.asked?.map(({ question }) => question)).toEqual(await meter.asks(prompt));
    for (const { probability } of reading?.asked ?? []) {
      expect(probability).toBeGreaterThanOrEqual(0);
      expect(probability).toBeLessThan(1);
    }
    expect(reading?.value === 0 || (reading?.value ?? 0) >= 0.5).toBe(true);
    expect(await meter.asks('a girl and a dog')).toBeNull();
    expect(await meter.measure(image, 'a girl and a dog')).toBeNull();
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

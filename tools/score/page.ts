// Runs metrics in the browser. The driver (main.ts) opens this page and calls the functions below.

import type { Measured, PixelImage } from '../../src/contract/events.ts';
import type { EditedPhrases } from '../../src/contract/spec.ts';
import { decodePng } from '../../src/formats/png.ts';
import { exactMeter } from '../../src/metrics/exactMeter.ts';
import type { Meter } from '../../src/metrics/metric.ts';
import { openMeter } from '../../src/metrics/openMeter.ts';
import { metricOf } from '../../src/metrics/registry.ts';
import { urlFolder } from '../../src/models/folder.ts';
import { openBackend } from '../../src/tensor/device.ts';
import { wasmPaths } from '../lib/wasmPaths.ts';

export type OpenRequest = {
  readonly metric: string;
  readonly backend: 'wasm' | 'webgpu';
  /** Address of the model's folder; null for metrics without a network. */
  readonly base: string | null;
  readonly weights: 'f32' | 'f16';
  readonly phrases: EditedPhrases | null;
};

declare global {
  interface Window {
    openMetric(request: OpenRequest): Promise<void>;
    prepareMetric(prompts: readonly string[]): Promise<void>;
    measureMetric(address: string, prompt: string): Promise<Measured | null>;
  }
}

let meter: Meter | null = null;

window.openMetric = async ({ metric: name, backend, base, weights, phrases }) => {
  await openBackend(backend, { wasmPaths, onLost: (error) => reportError(error) });
  const metric = metricOf(name);
  if (metric === null) throw new Error(`There is no metric ${name}.`);
  meter?.dispose();
  meter =
    base === null
      ? exactMeter
      : await openMeter(metric, urlFolder(new URL(base, location.href).href), {
          format: weights,
          phrases: phrases ?? undefined,
        });
};

window.prepareMetric = async (prompts) => meter?.prepare(prompts);

window.measureMetric = async (address, prompt) => {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} could not be read (HTTP ${response.status}).`);
  const image = await decode(new Uint8Array(await response.arrayBuffer()), address);
  return meter === null ? null : meter.measure(image, prompt);
};

/** PNG by our own decoder; other formats by the browser, without color management. */
async function decode(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<PixelImage> {
  if (bytes[0] === 0x89) {
    const { rgb, width, height } = await decodePng(bytes, name);
    const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
    for (let p = 0; p < width * height; p++) rgba.set(rgb.subarray(3 * p, 3 * p + 3), 4 * p);
    return { rgba, width, height };
  }
  const bitmap = await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: 'none' });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  if (context === null) throw new Error('The browser gives no canvas.');
  context.drawImage(bitmap, 0, 0);
  return { rgba: context.getImageData(0, 0, width, height).data, width, height };
}

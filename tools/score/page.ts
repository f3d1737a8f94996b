// Runs metrics in the browser. The driver (main.ts) opens this page and calls the functions below.

import type { Measured, PixelImage } from '../../src/contract/events.ts';
import type { EditedPhrases } from '../../src/contract/spec.ts';
import { decodePng } from '../../src/formats/png.ts';
import { type ErrorReport, reportError as reportOf, StudioError } from '../../src/lib/errors.ts';
import { exactMeter } from '../../src/metrics/exactMeter.ts';
import type { Meter } from '../../src/metrics/metric.ts';
import { openMeter } from '../../src/metrics/openMeter.ts';
import { metricOf } from '../../src/metrics/registry.ts';
import { urlFolder } from '../../src/models/folder.ts';
import { openBackend } from '../../src/tensor/device.ts';
import { wasmPaths } from '../lib/wasmPaths.ts';

type OpenRequest = {
  readonly metric: string;
  readonly backend: 'wasm' | 'webgpu';
  /** Address of the model's folder; null for metrics without a network. */
  readonly base: string | null;
  readonly weights: 'f32' | 'f16';
  readonly phrases: EditedPhrases | null;
};

/** What came of it, or an error that is for the user: thrown, it would come to the driver as a stack of text. */
export type Told<T> = { readonly value: T } | { readonly error: ErrorReport };

type ImageRequest = {
  readonly address: string;
  readonly fileName: string;
  readonly prompt: string;
};

declare global {
  interface Window {
    openMetric(request: OpenRequest): Promise<Told<void>>;
    prepareMetric(prompts: readonly string[]): Promise<Told<void>>;
    measureMetric(request: ImageRequest): Promise<Told<Measured | null>>;
  }
}

function telling<A, T>(work: (request: A) => Promise<T>): (request: A) => Promise<Told<T>> {
  return async (request) => {
    try {
      return { value: await work(request) };
    } catch (error) {
      if (error instanceof StudioError) return { error: reportOf(error) };
      throw error;
    }
  };
}

let meter: Meter | null = null;

window.openMetric = telling(async ({ metric: name, backend, base, weights, phrases }: OpenRequest) => {
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
});

window.prepareMetric = telling(async (prompts: readonly string[]) => meter?.prepare(prompts));

window.measureMetric = telling(async ({ address, fileName, prompt }: ImageRequest) => {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} could not be read (HTTP ${response.status}).`);
  const image = await decode(new Uint8Array(await response.arrayBuffer()), fileName);
  return meter === null ? null : meter.measure(image, prompt);
});

/** PNG by our own decoder; other formats by the browser, without color management. */
async function decode(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<PixelImage> {
  if (bytes[0] === 0x89) {
    const { rgb, width, height } = await decodePng(bytes, name);
    const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
    for (let p = 0; p < width * height; p++) rgba.set(rgb.subarray(3 * p, 3 * p + 3), 4 * p);
    return { rgba, width, height };
  }
  const bitmap = await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: 'none' }).catch(
    (cause) => {
      throw new StudioError('image-unreadable', `${name} is no image that this browser can read.`, {
        where: name,
        remedy: 'Save it as PNG, or leave it out.',
        cause,
      });
    },
  );
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  if (context === null) throw new Error('The browser gives no canvas.');
  context.drawImage(bitmap, 0, 0);
  return { rgba: context.getImageData(0, 0, width, height).data, width, height };
}

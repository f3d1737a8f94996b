/**
 * Pillow's bicubic resize of 8-bit pictures (src/libImaging/Resample.c), to the last bit: a kernel of a = -0.5 that widens
 * with the shrink factor, weights as integers of 22 fractional bits, each pass rounded and clipped to bytes; the
 * horizontal pass comes first, and a pass whose size stays is left out.
 */

import type { RgbImage } from '../../formats/png.ts';

const SUPPORT = 2;
const BITS = 22;

/** Does not write to the image; gives it back where the size stays. */
export function resizeBicubic(image: RgbImage, height: number, width: number): RgbImage {
  const wide = width === image.width ? image : pass(image, width, 'columns');
  return height === wide.height ? wide : pass(wide, height, 'rows');
}

function pass({ rgb, height, width }: RgbImage, size: number, axis: 'rows' | 'columns'): RgbImage {
  const taps = tapsOf(axis === 'columns' ? width : height, size);
  const outWidth = axis === 'columns' ? size : width;
  const outHeight = axis === 'columns' ? height : size;
  const out = new Uint8Array(outWidth * outHeight * 3);
  // Distance between taps in bytes, and of the first one from the start of its row or column.
  const step = axis === 'columns' ? 3 : 3 * width;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const { first, weights } = taps[axis === 'columns' ? x : y] as Taps;
      const base = axis === 'columns' ? 3 * (y * width + first) : 3 * (first * width + x);
      for (let c = 0; c < 3; c++) {
        let sum = 2 ** (BITS - 1);
        for (let k = 0; k < weights.length; k++) {
          sum += (weights[k] as number) * (rgb[base + k * step + c] as number);
        }
        out[3 * (y * outWidth + x) + c] = Math.min(Math.max(Math.floor(sum / 2 ** BITS), 0), 255);
      }
    }
  }
  return { rgb: out, height: outHeight, width: outWidth };
}

type Taps = { readonly first: number; readonly weights: readonly number[] };

function tapsOf(from: number, to: number): Taps[] {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const support = SUPPORT * filterScale;
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), from);
    const weights = Array.from({ length: end - first }, (_, k) =>
      cubic((k + first - center + 0.5) / filterScale, -0.5),
    );
    const total = weights.reduce((sum, w) => sum + w, 0);
    return { first, weights: weights.map((w) => roundAway((w / total) * 2 ** BITS)) };
  });
}

/** Halves away from zero, as Pillow rounds its weights. */
function roundAway(x: number): number {
  return x < 0 ? Math.trunc(x - 0.5) : Math.trunc(x + 0.5);
}

/** Keys' cubic convolution kernel with parameter a. */
export function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

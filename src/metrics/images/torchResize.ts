/**
 * torch's bicubic resize of float planes, `interpolate(mode='bicubic', align_corners=False)`. Plain: four taps with
 * a = -0.75, edges repeated. Antialiased: a = -0.5, the window widens with the shrink factor and is cut at the edges.
 */
import { cubic } from './pillow.ts';

/** Planes [C, H, W]. */
export type Planes = {
  readonly values: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
};

/** Horizontally first, then vertically. */
export function resizePlanes(
  image: Planes,
  height: number,
  width: number,
  { antialias }: { readonly antialias: boolean },
): Planes {
  const weightsOf = antialias ? antialiasedTaps : plainTaps;
  const wide = alongRows(image, weightsOf(image.width, width));
  return alongColumns(wide, weightsOf(image.height, height));
}

type Taps = { readonly at: readonly number[]; readonly weights: readonly number[] };

function alongRows({ values, channels, height, width }: Planes, taps: readonly Taps[]): Planes {
  const out = new Float32Array(channels * height * taps.length);
  for (let row = 0; row < channels * height; row++) {
    for (const [x, { at, weights }] of taps.entries()) {
      let sum = 0;
      for (const [k, from] of at.entries())
        sum += (weights[k] as number) * (values[row * width + from] as number);
      out[row * taps.length + x] = sum;
    }
  }
  return { values: out, channels, height, width: taps.length };
}

function alongColumns({ values, channels, height, width }: Planes, taps: readonly Taps[]): Planes {
  const out = new Float32Array(channels * taps.length * width);
  for (let c = 0; c < channels; c++) {
    for (const [y, { at, weights }] of taps.entries()) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (const [k, from] of at.entries())
          sum += (weights[k] as number) * (values[(c * height + from) * width + x] as number);
        out[(c * taps.length + y) * width + x] = sum;
      }
    }
  }
  return { values: out, channels, height: taps.length, width };
}

function plainTaps(from: number, to: number): Taps[] {
  const scale = Math.fround(from / to);
  return Array.from({ length: to }, (_, i) => {
    const center = Math.fround(Math.fround(scale * (i + 0.5)) - 0.5);
    const base = Math.floor(center);
    const offsets = [-1, 0, 1, 2];
    return {
      at: offsets.map((o) => Math.min(Math.max(base + o, 0), from - 1)),
      weights: offsets.map((o) => cubic(base + o - center, -0.75)),
    };
  });
}

function antialiasedTaps(from: number, to: number): Taps[] {
  const scale = Math.fround(from / to);
  const filterScale = Math.max(scale, 1);
  const support = 2 * filterScale;
  return Array.from({ length: to }, (_, i) => {
    const center = Math.fround(scale * (i + 0.5));
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), from);
    const at = Array.from({ length: end - first }, (_, k) => first + k);
    const weights = at.map((k) => cubic((k - center + 0.5) / filterScale, -0.5));
    const total = weights.reduce((sum, w) => sum + w, 0);
    return { at, weights: weights.map((w) => w / total) };
  });
}

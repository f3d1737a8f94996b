/** Which pattern a fitted object has: the best correlation of its brightness with stripes and dots over all shifts. */
import { coverMask } from './fit.ts';
import type { Placed } from './geometry.ts';
import { isDark } from './render.ts';
import type { Region } from './segment.ts';
import { COLOR_RGB, COLORS, IMAGE_SIZE, PATTERN_PERIOD, type Texture } from './world.ts';

/** A pixel is dark below this brightness, as a share of the full color (dark parts have 0.35, edges in between). */
const DARK_BELOW = 0.72;
/** Objects with a smaller share of dark pixels are solid. */
const SOLID_SHARE = 0.055;
/** Dots have eight times as many shifts to fit by chance. */
const DOTS_HANDICAP = 0.04;

/** Pixels whose four neighbors are covered too. */
function innerPixels(placed: Placed): number[] {
  const covered = coverMask(placed);
  const inner: number[] = [];
  for (let i = 0; i < covered.length; i += 1) {
    const neighbors = [i, i - 1, i + 1, i - IMAGE_SIZE, i + IMAGE_SIZE];
    if (neighbors.every((pixel) => covered[pixel] === 1)) inner.push(i);
  }
  return inner;
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const meanA = a.reduce((sum, value) => sum + value, 0) / a.length;
  const meanB = b.reduce((sum, value) => sum + value, 0) / b.length;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const da = (a[i] ?? 0) - meanA;
    const db = (b[i] ?? 0) - meanB;
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

/** `rgb` is the image; pixels of other objects are left out. */
export function classifyTexture(rgb: Uint8Array, placed: Placed, region: Region, labels: Int8Array): Texture {
  const pixels = innerPixels(placed).filter(
    (pixel) => region.bright[pixel] === 1 || (labels[pixel] ?? -1) < 0,
  );
  const color = COLOR_RGB[region.color];
  const length = color[0] ** 2 + color[1] ** 2 + color[2] ** 2;
  const own = COLORS.indexOf(region.color);
  const brightness = pixels.map((pixel) => {
    const label = labels[pixel] ?? -1;
    // A discolored part is bright in a color of its own.
    if (label >= 0 && label !== own) return 1;
    const at = pixel * 3;
    const dot = (rgb[at] ?? 0) * color[0] + (rgb[at + 1] ?? 0) * color[1] + (rgb[at + 2] ?? 0) * color[2];
    return Math.min(1, dot / length);
  });
  const dark = brightness.filter((value) => value < DARK_BELOW).length;
  if (pixels.length === 0 || dark < Math.max(2, SOLID_SHARE * pixels.length)) return 'solid';
  const match = (texture: Texture, shift: readonly [number, number]): number =>
    correlation(
      brightness,
      pixels.map((pixel) => {
        const [x, y] = [(pixel % IMAGE_SIZE) + 0.5, Math.floor(pixel / IMAGE_SIZE) + 0.5];
        return isDark(texture, x, y, shift) ? 0 : 1;
      }),
    );
  // Generated patterns may sit anywhere, so every shift by whole pixels is tried.
  let stripes = 0;
  let dots = 0;
  for (let down = 0; down < PATTERN_PERIOD; down += 1) {
    stripes = Math.max(stripes, match('striped', [0, down]));
    for (let across = 0; across < PATTERN_PERIOD; across += 1) {
      dots = Math.max(dots, match('dotted', [across, down]));
    }
  }
  return dots - DOTS_HANDICAP > stripes ? 'dotted' : 'striped';
}

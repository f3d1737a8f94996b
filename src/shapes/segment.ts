/** From pixels to regions: background, color of every bright pixel, connected regions of one color. */
import { COLOR_RGB, COLORS, type Color, DARK_SHARE, IMAGE_SIZE, type Rgb } from './world.ts';

const PIXELS = IMAGE_SIZE * IMAGE_SIZE;
/** A pixel is bright where at least this share of a color covers the background. */
const BRIGHT_SHARE = 0.5;
/** Largest distance of a bright pixel from the line between background and color, in RGB units. */
const MAX_RESIDUAL = 75;
/** Dark parts of patterns are bridged up to twice this many pixels. */
const CLOSING_PIXELS = 2;
const MIN_BRIGHT_PIXELS = 14;
/** Parts below this are bits of a pattern or of an outline. */
const MIN_CORE_PIXELS = 8;
const MIN_CLOSED_PIXELS = 26;

/** Label of a pixel: index into COLORS, or -1 where nothing bright is. */
export type Labels = Int8Array;

export type Region = {
  readonly color: Color;
  /** 1 on bright pixels of this region. */
  readonly bright: Uint8Array;
  /** `bright` with gaps up to four pixels closed. */
  readonly closed: Uint8Array;
  readonly brightPixels: number;
};

/** Median of each channel: the background covers more than half of every image of this world. */
export function findBackground(rgb: Uint8Array): Rgb {
  const median = (channel: number): number => {
    const counts = new Uint32Array(256);
    for (let i = channel; i < rgb.length; i += 3) counts[rgb[i] ?? 0] = (counts[rgb[i] ?? 0] ?? 0) + 1;
    let seen = 0;
    for (let value = 0; value < 256; value += 1) {
      seen += counts[value] ?? 0;
      if (seen * 2 >= PIXELS) return value;
    }
    return 255;
  };
  return [median(0), median(1), median(2)];
}

/** Share of a color over the background and the distance from that line: p = background + share (color - background). */
function mixture(
  rgb: Uint8Array,
  at: number,
  background: Rgb,
  color: Rgb,
): { share: number; residual: number } {
  let dot = 0;
  let length = 0;
  for (let channel = 0; channel < 3; channel += 1) {
    const axis = (color[channel] ?? 0) - (background[channel] ?? 0);
    dot += ((rgb[at + channel] ?? 0) - (background[channel] ?? 0)) * axis;
    length += axis * axis;
  }
  const share = length === 0 ? 0 : dot / length;
  const bounded = Math.min(Math.max(share, 0), 1.15);
  let residual = 0;
  for (let channel = 0; channel < 3; channel += 1) {
    const from = background[channel] ?? 0;
    const expected = from + bounded * ((color[channel] ?? 0) - from);
    residual += ((rgb[at + channel] ?? 0) - expected) ** 2;
  }
  return { share, residual: Math.sqrt(residual) };
}

/** Labels every bright pixel with the color that explains it best. */
export function labelPixels(rgb: Uint8Array, background: Rgb): Labels {
  const labels = new Int8Array(PIXELS).fill(-1);
  for (let pixel = 0; pixel < PIXELS; pixel += 1) {
    let least = MAX_RESIDUAL;
    let label = -1;
    COLORS.forEach((color, index) => {
      const { share, residual } = mixture(rgb, pixel * 3, background, COLOR_RGB[color]);
      if (residual >= least) return;
      least = residual;
      label = share >= BRIGHT_SHARE ? index : -1;
    });
    labels[pixel] = label;
  }
  return labels;
}

/** 1 where a pixel looks like the dark part of a pattern of this color rather than like background. */
export function darkPixels(rgb: Uint8Array, background: Rgb, color: Color): Uint8Array {
  const [r, g, b] = COLOR_RGB[color];
  const dark: Rgb = [r * DARK_SHARE, g * DARK_SHARE, b * DARK_SHARE];
  const found = new Uint8Array(PIXELS);
  for (let pixel = 0; pixel < PIXELS; pixel += 1) {
    const { share, residual } = mixture(rgb, pixel * 3, background, dark);
    if (share > 0.5 && residual < 30) found[pixel] = 1;
  }
  return found;
}

/** Offsets of a disc with the closing radius, its corners rounded. */
const DISC = Array.from({ length: (2 * CLOSING_PIXELS + 1) ** 2 }, (_, i) => ({
  dx: (i % (2 * CLOSING_PIXELS + 1)) - CLOSING_PIXELS,
  dy: Math.floor(i / (2 * CLOSING_PIXELS + 1)) - CLOSING_PIXELS,
})).filter(({ dx, dy }) => dx * dx + dy * dy <= CLOSING_PIXELS ** 2 + 1);

const PLUS = DISC.filter(({ dx, dy }) => dx * dx + dy * dy <= 1);

/** Spreads every pixel of `value` over the neighborhood around it. */
function spread(mask: Uint8Array, value: 0 | 1, neighborhood: typeof DISC): Uint8Array {
  const result = mask.slice();
  for (let pixel = 0; pixel < PIXELS; pixel += 1) {
    if (mask[pixel] !== value) continue;
    const x = pixel % IMAGE_SIZE;
    for (const { dx, dy } of neighborhood) {
      const next = pixel + dy * IMAGE_SIZE + dx;
      if (x + dx >= 0 && x + dx < IMAGE_SIZE && next >= 0 && next < PIXELS) result[next] = value;
    }
  }
  return result;
}

/** Fills gaps of up to twice the closing radius: dilation, then erosion. */
function close(mask: Uint8Array): Uint8Array {
  return spread(spread(mask, 1, DISC), 0, DISC);
}

/** Pixel lists of the 8-connected components. */
function components(mask: Uint8Array): number[][] {
  const seen = new Uint8Array(PIXELS);
  const found: number[][] = [];
  for (let start = 0; start < PIXELS; start += 1) {
    if (mask[start] !== 1 || seen[start] === 1) continue;
    const pixels = [start];
    seen[start] = 1;
    for (let i = 0; i < pixels.length; i += 1) {
      const pixel = pixels[i] ?? 0;
      const x = pixel % IMAGE_SIZE;
      for (const dy of [-IMAGE_SIZE, 0, IMAGE_SIZE]) {
        for (const dx of [-1, 0, 1]) {
          const next = pixel + dy + dx;
          if (x + dx < 0 || x + dx >= IMAGE_SIZE || mask[next] !== 1 || seen[next] === 1) continue;
          seen[next] = 1;
          pixels.push(next);
        }
      }
    }
    found.push(pixels);
  }
  return found;
}

/** Makes a region of the given bright pixels. */
export function makeRegion(color: Color, bright: Uint8Array): Region {
  return {
    color,
    bright,
    closed: close(bright),
    brightPixels: bright.reduce((sum, value) => sum + value, 0),
  };
}

/** Regions of one color each, large enough to be an object or a visible part of one. */
export function findRegions(labels: Labels): Region[] {
  return COLORS.flatMap((color, index) => {
    const mask = Uint8Array.from(labels, (label) => (label === index ? 1 : 0));
    if (!mask.includes(1)) return [];
    return components(close(mask)).flatMap((pixels) => {
      const bright = new Uint8Array(PIXELS);
      for (const pixel of pixels) bright[pixel] = mask[pixel] ?? 0;
      const region = makeRegion(color, bright);
      return region.brightPixels >= MIN_BRIGHT_PIXELS && pixels.length >= MIN_CLOSED_PIXELS ? [region] : [];
    });
  });
}

/**
 * Ways to cut a region into parts that hang together by bridges only, the gentlest first: bridges of another color,
 * thin ones, thick ones.
 */
export function cutsAtBridges(region: Region): Region[][] {
  const thinner = spread(region.bright, 0, PLUS);
  const masks = [region.bright, thinner, spread(thinner, 0, PLUS), spread(region.closed, 0, DISC)];
  const cores = masks.map((mask) => components(mask).filter(({ length }) => length >= MIN_CORE_PIXELS));
  return cores.filter((found) => found.length > 1).map((found) => nearestParts(region, found));
}

/** Gives every bright pixel of the region to the nearest core. */
function nearestParts(region: Region, cores: readonly (readonly number[])[]): Region[] {
  const parts = cores.map(() => new Uint8Array(PIXELS));
  for (let pixel = 0; pixel < PIXELS; pixel += 1) {
    if (region.bright[pixel] !== 1) continue;
    const distances = cores.map((core) => Math.min(...core.map((other) => squaredDistance(pixel, other))));
    (parts[distances.indexOf(Math.min(...distances))] as Uint8Array)[pixel] = 1;
  }
  return parts.map((bright) => makeRegion(region.color, bright));
}

function squaredDistance(a: number, b: number): number {
  const dx = (a % IMAGE_SIZE) - (b % IMAGE_SIZE);
  const dy = Math.floor(a / IMAGE_SIZE) - Math.floor(b / IMAGE_SIZE);
  return dx * dx + dy * dy;
}

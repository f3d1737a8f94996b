/**
 * PNG images to and from pixels, without a canvas: the same bytes in a page, a worker and Node, and no color management
 * in between. PNG specification (https://www.w3.org/TR/png-3/), sections 7 to 11.
 */
import { concatBytes } from '../lib/bytes.ts';
import { deflate, inflate } from '../lib/zlib.ts';
import { invalidPng, type PngChunk, readChunks, writeChunks } from './pngChunks.ts';

export type RgbImage = {
  readonly width: number;
  readonly height: number;
  /** [H, W, 3], 0 to 255. */
  readonly rgb: Uint8Array;
};

const MAX_PIXELS = 64 * 2 ** 20;
const PALETTE = 3;
/** Bytes per pixel by color type, at 8 bits per channel. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, [PALETTE]: 1, 4: 2, 6: 4 };
const FILTERS = [0, 1, 2, 3, 4] as const;
type Filter = (typeof FILTERS)[number];

/** @param rgb [H, W, 3], 0 to 255 */
export async function encodePng(
  rgb: Uint8Array,
  width: number,
  height: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (rgb.length !== width * height * 3 || rgb.length === 0) {
    throw new RangeError(`${rgb.length} values do not make an RGB image of ${width} x ${height}`);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB, deflate, adaptive filters, not interlaced
  return writeChunks([
    { type: 'IHDR', data: header },
    { type: 'IDAT', data: await deflate(filterRows(rgb, width * 3)) },
    { type: 'IEND', data: new Uint8Array(0) },
  ]);
}

/**
 * Reads gray, RGB and palette images of 8 bits per channel; transparency is dropped, as Pillow's `convert('RGB')` does.
 *
 * @param name the file, for messages
 * @throws StudioError `png-invalid`, also for other bit depths, interlacing and more than 64 megapixels
 */
export async function decodePng(bytes: Uint8Array, name: string): Promise<RgbImage> {
  const chunks = readChunks(bytes, name);
  const { width, height, colorType, channels } = parseHeader(chunks[0], name);
  const palette = chunks.find(({ type }) => type === 'PLTE')?.data ?? new Uint8Array(0);
  const rowBytes = width * channels;
  const expectedBytes = height * (1 + rowBytes);
  let filtered: Uint8Array;
  try {
    const data = chunks.filter(({ type }) => type === 'IDAT').map((chunk) => chunk.data);
    filtered = await inflate(concatBytes(data), expectedBytes);
  } catch (cause) {
    throw invalidPng(name, 'its pixels cannot be unpacked', cause);
  }
  if (filtered.length !== expectedBytes) throw invalidPng(name, 'it has fewer pixels than its header says');
  const pixels = unfilterRows(filtered, rowBytes, channels, name);
  return { width, height, rgb: toRgb(pixels, colorType, channels, palette, name) };
}

type Header = { width: number; height: number; colorType: number; channels: number };

function parseHeader(header: PngChunk | undefined, name: string): Header {
  if (header?.data.length !== 13) throw invalidPng(name, 'its header has the wrong length');
  const { buffer, byteOffset } = header.data;
  const view = new DataView(buffer, byteOffset, 13);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [bitDepth = 0, colorType = 0, , , interlace = 0] = header.data.subarray(8);
  const channels = CHANNELS[colorType];
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) {
    throw invalidPng(name, `images of ${width} x ${height} pixels are not read`);
  }
  if (bitDepth !== 8 || channels === undefined) {
    throw invalidPng(name, `its color format (type ${colorType}, ${bitDepth} bits) is not read`);
  }
  if (interlace !== 0) throw invalidPng(name, 'it is interlaced');
  return { width, height, colorType, channels };
}

/** Section 9.4: what a filter expects a byte to be, from the bytes to the left, above, and above left. */
function predict(filter: Filter, left: number, up: number, upLeft: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4: {
      const toLeft = Math.abs(up - upLeft);
      const toUp = Math.abs(left - upLeft);
      const toUpLeft = Math.abs(left + up - 2 * upLeft);
      if (toLeft <= toUp && toLeft <= toUpLeft) return left;
      return toUp <= toUpLeft ? up : upLeft;
    }
    default:
      return filter satisfies never;
  }
}

/** Each row with the filter that leaves the smallest differences (section 12.7). */
function filterRows(rgb: Uint8Array, rowBytes: number): Uint8Array<ArrayBuffer> {
  const height = rgb.length / rowBytes;
  const filtered = new Uint8Array(height * (1 + rowBytes));
  const candidate = new Uint8Array(rowBytes);
  for (let y = 0; y < height; y++) {
    const row = rgb.subarray(y * rowBytes, (y + 1) * rowBytes);
    const above = rgb.subarray((y - 1) * rowBytes, y * rowBytes); // empty for the first row
    let best = Number.POSITIVE_INFINITY;
    for (const filter of FILTERS) {
      let cost = 0;
      for (let i = 0; i < rowBytes; i++) {
        const predicted = predict(filter, row[i - 3] ?? 0, above[i] ?? 0, above[i - 3] ?? 0);
        const difference = ((row[i] ?? 0) - predicted) & 0xff;
        candidate[i] = difference;
        cost += Math.min(difference, 256 - difference);
      }
      if (cost >= best) continue;
      best = cost;
      filtered[y * (1 + rowBytes)] = filter;
      filtered.set(candidate, y * (1 + rowBytes) + 1);
    }
  }
  return filtered;
}

function unfilterRows(filtered: Uint8Array, rowBytes: number, channels: number, name: string): Uint8Array {
  const height = filtered.length / (1 + rowBytes);
  const pixels = new Uint8Array(height * rowBytes);
  for (let y = 0; y < height; y++) {
    const source = filtered.subarray(y * (1 + rowBytes), (y + 1) * (1 + rowBytes));
    const row = pixels.subarray(y * rowBytes, (y + 1) * rowBytes);
    const above = pixels.subarray((y - 1) * rowBytes, y * rowBytes); // empty for the first row
    const filter = FILTERS.find((known) => known === source[0]);
    if (filter === undefined) throw invalidPng(name, `row ${y} has the unknown filter ${source[0]}`);
    for (let i = 0; i < rowBytes; i++) {
      const predicted = predict(filter, row[i - channels] ?? 0, above[i] ?? 0, above[i - channels] ?? 0);
      row[i] = (source[i + 1] ?? 0) + predicted; // modulo 256 by the type of the array
    }
  }
  return pixels;
}

function toRgb(
  pixels: Uint8Array,
  colorType: number,
  channels: number,
  palette: Uint8Array,
  name: string,
): Uint8Array {
  if (colorType === 2) return pixels;
  const count = pixels.length / channels;
  const rgb = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    const first = pixels[i * channels] ?? 0;
    if (colorType === PALETTE) {
      if (first * 3 + 3 > palette.length) throw invalidPng(name, `its palette has no color ${first}`);
      rgb.set(palette.subarray(first * 3, first * 3 + 3), i * 3);
    } else if (channels < 3) {
      rgb.fill(first, i * 3, i * 3 + 3); // gray, with or without alpha
    } else {
      rgb.set(pixels.subarray(i * channels, i * channels + 3), i * 3);
    }
  }
  return rgb;
}

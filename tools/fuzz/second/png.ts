// A second decoder of PNG pixels, over node's zlib, pixel by pixel.

import { inflateSync } from 'node:zlib';

const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** RGB of an 8-bit image without interlacing that is known to be well-formed. */
export function plainPixels(file: Uint8Array): { width: number; height: number; rgb: Uint8Array } {
  const buffer = Buffer.from(file);
  const data: Buffer[] = [];
  let palette = Buffer.alloc(0);
  for (let at = 8; ; ) {
    const length = buffer.readUInt32BE(at);
    const type = buffer.toString('latin1', at + 4, at + 8);
    const body = buffer.subarray(at + 8, at + 8 + length);
    if (type === 'IDAT') data.push(body);
    if (type === 'PLTE' && palette.length === 0) palette = body;
    if (type === 'IEND') break;
    at += 12 + length;
  }
  const [width, height, colorType] = [buffer.readUInt32BE(16), buffer.readUInt32BE(20), buffer[25] as number];
  const samples = SAMPLES[colorType] as number;
  const raw = inflateSync(Buffer.concat(data));
  const line = width * samples;
  const values: number[][] = [];
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (line + 1)] as number;
    const row: number[] = [];
    for (let x = 0; x < line; x++) {
      const a = x >= samples ? (row[x - samples] as number) : 0;
      const b = y > 0 ? (values[y - 1]?.[x] as number) : 0;
      const c = x >= samples && y > 0 ? (values[y - 1]?.[x - samples] as number) : 0;
      const guess = [0, a, b, Math.floor((a + b) / 2), paeth(a, b, c)][filter] as number;
      row.push(((raw[y * (line + 1) + 1 + x] as number) + guess) % 256);
    }
    values.push(row);
    for (let x = 0; x < width; x++) {
      const sample = row.slice(x * samples, (x + 1) * samples);
      const gray = sample[0] as number;
      const color =
        colorType === 3
          ? [...palette.subarray(gray * 3, gray * 3 + 3)]
          : samples < 3
            ? [gray, gray, gray]
            : sample;
      rgb.set(color.slice(0, 3), (y * width + x) * 3);
    }
  }
  return { width, height, rgb };
}

function paeth(a: number, b: number, c: number): number {
  const p = a + b - c;
  const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

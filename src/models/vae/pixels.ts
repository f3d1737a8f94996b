import type { Tensor4D } from '../../tensor/tf.ts';

/** Value of a pixel byte: clamp(x / 2 + 0.5, 0, 1) times 255, rounded half to even as numpy does. */
export function toByte(x: number): number {
  const scaled = Math.fround(Math.min(Math.max(Math.fround(x / 2 + 0.5), 0), 1) * 255);
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest > 0.5 ? floor + 1 : floor;
}

/** Decoded images [N, H, W, 3], about [-1, 1], as one RGBA array each. Reads back. */
export async function toRgba(decoded: Tensor4D): Promise<Uint8ClampedArray<ArrayBuffer>[]> {
  const [n, height, width, channels] = decoded.shape;
  const values = (await decoded.data()) as Float32Array;
  const pixels = height * width;
  return Array.from({ length: n }, (_, image) => {
    const rgba = new Uint8ClampedArray(pixels * 4);
    for (let p = 0; p < pixels; p++) {
      const from = (image * pixels + p) * channels;
      for (let c = 0; c < 3; c++) rgba[4 * p + c] = toByte(values[from + c] as number);
      rgba[4 * p + 3] = 255;
    }
    return rgba;
  });
}

/** RGBA bytes to values in [-1, 1], three channels, row by row. */
export function fromRgba(rgba: Uint8ClampedArray | Uint8Array): Float32Array {
  const pixels = rgba.length / 4;
  const out = new Float32Array(pixels * 3);
  for (let p = 0; p < pixels; p++) {
    for (let c = 0; c < 3; c++) out[3 * p + c] = ((rgba[4 * p + c] as number) / 255) * 2 - 1;
  }
  return out;
}

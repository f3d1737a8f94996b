/** BLIP's table of positions at another resolution (vit.py `interpolate_pos_embed`). */
import { resizePlanes } from '../images/torchResize.ts';

/**
 * The first row, of the class token, stays; the others are a square grid that is resized by torch's bicubic rule without
 * antialiasing. Going back does not restore it: use a checkpoint at the resolution it was trained for.
 * @param table [1 + from * from, width]
 * @returns [1 + to * to, width]
 */
export function resizePositions(table: Float32Array, from: number, to: number): Float32Array {
  const width = table.length / (1 + from * from);
  const planes = new Float32Array(width * from * from);
  for (let i = 0; i < from * from; i++) {
    for (let c = 0; c < width; c++) planes[c * from * from + i] = table[(1 + i) * width + c] as number;
  }
  const square = { values: planes, channels: width, height: from, width: from };
  const resized = resizePlanes(square, to, to, { antialias: false }).values;
  const out = new Float32Array(width * (1 + to * to));
  out.set(table.subarray(0, width));
  for (let i = 0; i < to * to; i++) {
    for (let c = 0; c < width; c++) out[(1 + i) * width + c] = resized[c * to * to + i] as number;
  }
  return out;
}

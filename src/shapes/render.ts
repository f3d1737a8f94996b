/** Draws a scene to 64 x 64 RGB with 4 x 4 supersampling of silhouettes and patterns. Deterministic. */
import { EXTENTS, isInside } from './geometry.ts';
import {
  COLOR_RGB,
  DARK_SHARE,
  DOT_RADIUS,
  IMAGE_SIZE,
  PATTERN_PERIOD,
  type Scene,
  type SceneObject,
  STRIPE_BRIGHT,
  type Texture,
} from './world.ts';

const GRID = 4;

/** Whether a pattern is dark at a pixel position; `shift` moves the pattern against the image. */
export function isDark(
  texture: Texture,
  x: number,
  y: number,
  shift: readonly [number, number] = [0, 0],
): boolean {
  const cellX = modulo(x + shift[0]);
  const cellY = modulo(y + shift[1]);
  switch (texture) {
    case 'solid':
      return false;
    case 'striped':
      return modulo(cellX + cellY) >= STRIPE_BRIGHT;
    case 'dotted': {
      const middle = PATTERN_PERIOD / 2;
      return (cellX - middle) ** 2 + (cellY - middle) ** 2 <= DOT_RADIUS ** 2;
    }
    default:
      return texture satisfies never;
  }
}

function modulo(position: number): number {
  return position - PATTERN_PERIOD * Math.floor(position / PATTERN_PERIOD);
}

function drawObject(pixels: Float32Array, object: SceneObject): void {
  const extents = EXTENTS[object.shape];
  const top = Math.max(0, Math.floor(object.y - extents.top * object.radius));
  const bottom = Math.min(IMAGE_SIZE - 1, Math.floor(object.y + extents.bottom * object.radius));
  const left = Math.max(0, Math.floor(object.x - extents.left * object.radius));
  const right = Math.min(IMAGE_SIZE - 1, Math.floor(object.x + extents.right * object.radius));
  const rgb = COLOR_RGB[object.color];
  for (let row = top; row <= bottom; row += 1) {
    for (let column = left; column <= right; column += 1) {
      let covered = 0;
      let light = 0;
      for (let i = 0; i < GRID * GRID; i += 1) {
        const x = column + ((i % GRID) + 0.5) / GRID;
        const y = row + (Math.floor(i / GRID) + 0.5) / GRID;
        if (!isInside(object.shape, (x - object.x) / object.radius, (y - object.y) / object.radius)) continue;
        covered += 1;
        light += isDark(object.texture, x, y) ? DARK_SHARE : 1;
      }
      if (covered === 0) continue;
      const at = (row * IMAGE_SIZE + column) * 3;
      const rest = 1 - covered / (GRID * GRID);
      for (let channel = 0; channel < 3; channel += 1) {
        const under = pixels[at + channel] ?? 0;
        pixels[at + channel] = under * rest + ((rgb[channel] ?? 0) * light) / (GRID * GRID);
      }
    }
  }
}

/** Returns RGB bytes, row by row: index (y * 64 + x) * 3 + channel. */
export function renderScene(scene: Scene): Uint8Array {
  const pixels = new Float32Array(IMAGE_SIZE * IMAGE_SIZE * 3);
  for (let i = 0; i < pixels.length; i += 1) pixels[i] = scene.background[i % 3] ?? 0;
  for (const index of scene.drawOrder) {
    const object = scene.objects[index];
    if (object !== undefined) drawObject(pixels, object);
  }
  const bytes = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 1) bytes[i] = Math.round(pixels[i] ?? 0);
  return bytes;
}

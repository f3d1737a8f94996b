/** Silhouettes of the six shapes. All are upright; `u`, `v` are offsets from the center over the radius, v down. */
import type { SceneObject, Shape } from './world.ts';

const SQUARE_HALF = 0.88;
const TRIANGLE_BASE = 0.85;
const CROSS_ARM = 0.36;
const RING_HOLE = 0.52;
const STAR_INNER = 0.45;

/** Half-planes of one star point: the star is five kites around the center. */
const STAR_SECTOR = Math.PI / 5;
const STAR_EDGE = starEdge();

/** Normal form (a, b, c) of the line from an outer tip (angle 0) to an inner corner: a x + b y <= c inside. */
function starEdge(): { a: number; b: number; c: number } {
  const innerX = STAR_INNER * Math.cos(STAR_SECTOR);
  const innerY = STAR_INNER * Math.sin(STAR_SECTOR);
  const a = innerY;
  const b = 1 - innerX;
  return { a, b, c: a };
}

/** Whether the point lies in the unit shape. */
export function isInside(shape: Shape, u: number, v: number): boolean {
  switch (shape) {
    case 'circle':
      return u * u + v * v <= 1;
    case 'ring': {
      const squared = u * u + v * v;
      return squared <= 1 && squared >= RING_HOLE * RING_HOLE;
    }
    case 'square':
      return Math.abs(u) <= SQUARE_HALF && Math.abs(v) <= SQUARE_HALF;
    case 'triangle':
      return v <= TRIANGLE_BASE && Math.abs(u) * (1 + TRIANGLE_BASE) <= v + 1;
    case 'cross':
      return (Math.abs(u) <= CROSS_ARM && Math.abs(v) <= 1) || (Math.abs(v) <= CROSS_ARM && Math.abs(u) <= 1);
    case 'star': {
      const length = Math.hypot(u, v);
      if (length <= STAR_INNER * 0.8) return true;
      if (length > 1) return false;
      // Fold the angle from the upward tip into one half sector.
      const angle = Math.abs(Math.atan2(u, -v)) % (2 * STAR_SECTOR);
      const folded = angle > STAR_SECTOR ? 2 * STAR_SECTOR - angle : angle;
      const x = length * Math.cos(folded);
      const y = length * Math.sin(folded);
      return STAR_EDGE.a * x + STAR_EDGE.b * y <= STAR_EDGE.c;
    }
    default:
      return shape satisfies never;
  }
}

/** Whether the point lies in the shape with its hole filled, so that things in a ring's hole are inside it. */
function isInsideFilled(shape: Shape, u: number, v: number): boolean {
  return isInside(shape === 'ring' ? 'circle' : shape, u, v);
}

type Extents = {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
};

const STAR_SIDE = Math.sin(2 * STAR_SECTOR);
const STAR_FOOT = Math.cos(STAR_SECTOR);

/** Distance from the center to the bounding box of the unit shape, per side. */
export const EXTENTS: Readonly<Record<Shape, Extents>> = {
  circle: { left: 1, right: 1, top: 1, bottom: 1 },
  ring: { left: 1, right: 1, top: 1, bottom: 1 },
  square: { left: SQUARE_HALF, right: SQUARE_HALF, top: SQUARE_HALF, bottom: SQUARE_HALF },
  triangle: { left: 1, right: 1, top: 1, bottom: TRIANGLE_BASE },
  cross: { left: 1, right: 1, top: 1, bottom: 1 },
  star: { left: STAR_SIDE, right: STAR_SIDE, top: 1, bottom: STAR_FOOT },
};

export type Placed = Pick<SceneObject, 'shape' | 'x' | 'y' | 'radius'>;

/** Middle of the bounding box in pixels: what directions are measured between. */
export function boxCenter(placed: Placed): { x: number; y: number } {
  const extents = EXTENTS[placed.shape];
  return {
    x: placed.x + ((extents.right - extents.left) * placed.radius) / 2,
    y: placed.y + ((extents.bottom - extents.top) * placed.radius) / 2,
  };
}

/** Whether a pixel position lies in a placed shape, its hole counted in when `filled`. */
export function covers(placed: Placed, x: number, y: number, options: { filled: boolean }): boolean {
  const u = (x - placed.x) / placed.radius;
  const v = (y - placed.y) / placed.radius;
  return options.filled ? isInsideFilled(placed.shape, u, v) : isInside(placed.shape, u, v);
}

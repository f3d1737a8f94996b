/**
 * What the relations mean, measured on two placed silhouettes. The scene sampler draws scenes that satisfy these
 * with room to spare; the scorer applies the very same definitions to what it finds in an image.
 *
 * Touching, overlapping and inside exclude one another. A direction compares the centers of the bounding boxes and
 * holds only where it is the larger of the two differences, as in the spatial metric of T2I-CompBench.
 */
import { boxCenter, covers, EXTENTS, type Placed } from './geometry.ts';
import type { Relation } from './world.ts';

/** Least difference of centers along the named axis, in pixels. */
const DIRECTION_PIXELS = 6;
/** Shared area over the smaller one's: below it two objects at most touch, above it they overlap. */
const OVERLAP_SHARE = 0.08;
/** Share of the subject that must lie within the (filled) object. */
const INSIDE_SHARE = 0.9;
/** Largest gap between touching silhouettes, in pixels. */
const TOUCH_PIXELS = 2;
const SAMPLES_PER_PIXEL = 2;

type Points = { x: number[]; y: number[] };

function samplePoints(placed: Placed): Points {
  const extents = EXTENTS[placed.shape];
  const step = 1 / SAMPLES_PER_PIXEL;
  const points: Points = { x: [], y: [] };
  for (
    let y = placed.y - extents.top * placed.radius;
    y <= placed.y + extents.bottom * placed.radius;
    y += step
  ) {
    for (
      let x = placed.x - extents.left * placed.radius;
      x <= placed.x + extents.right * placed.radius;
      x += step
    ) {
      if (!covers(placed, x, y, { filled: false })) continue;
      points.x.push(x);
      points.y.push(y);
    }
  }
  return points;
}

function shareWithin(points: Points, other: Placed, filled: boolean): number {
  let count = 0;
  for (let i = 0; i < points.x.length; i += 1) {
    if (covers(other, points.x[i] ?? 0, points.y[i] ?? 0, { filled })) count += 1;
  }
  return points.x.length === 0 ? 0 : count / points.x.length;
}

function areFar(a: Placed, b: Placed): boolean {
  // No silhouette reaches farther from its center than the corners of the triangle, 1.32 radii.
  return Math.hypot(a.x - b.x, a.y - b.y) > 1.32 * (a.radius + b.radius) + TOUCH_PIXELS;
}

/** Shared area over the smaller area, on a grid of half pixels; holes are empty. */
export function overlapShare(a: Placed, b: Placed): number {
  if (areFar(a, b)) return 0;
  const pointsA = samplePoints(a);
  const pointsB = samplePoints(b);
  const smaller = Math.min(pointsA.x.length, pointsB.x.length);
  return smaller === 0 ? 0 : (shareWithin(pointsA, b, false) * pointsA.x.length) / smaller;
}

/** Share of `a` within `b`, the hole of `b` filled. */
export function containedShare(a: Placed, b: Placed): number {
  return areFar(a, b) ? 0 : shareWithin(samplePoints(a), b, true);
}

/** Whether the silhouettes come within `TOUCH_PIXELS` of each other, on a grid of half pixels. */
function areNear(a: Placed, b: Placed): boolean {
  if (areFar(a, b)) return false;
  const close = pointsAround(samplePoints(a), b);
  const others = pointsAround(samplePoints(b), a);
  for (let i = 0; i < close.x.length; i += 1) {
    const x = close.x[i] ?? 0;
    const y = close.y[i] ?? 0;
    for (let j = 0; j < others.x.length; j += 1) {
      const dx = x - (others.x[j] ?? 0);
      const dy = y - (others.y[j] ?? 0);
      if (dx * dx + dy * dy <= TOUCH_PIXELS * TOUCH_PIXELS) return true;
    }
  }
  return false;
}

/** The points that lie in the bounding box of `placed` grown by the touching distance. */
function pointsAround(points: Points, placed: Placed): Points {
  const extents = EXTENTS[placed.shape];
  const near: Points = { x: [], y: [] };
  for (let i = 0; i < points.x.length; i += 1) {
    const dx = (points.x[i] ?? 0) - placed.x;
    const dy = (points.y[i] ?? 0) - placed.y;
    if (
      dx > extents.right * placed.radius + TOUCH_PIXELS ||
      -dx > extents.left * placed.radius + TOUCH_PIXELS
    )
      continue;
    if (
      dy > extents.bottom * placed.radius + TOUCH_PIXELS ||
      -dy > extents.top * placed.radius + TOUCH_PIXELS
    )
      continue;
    near.x.push(points.x[i] ?? 0);
    near.y.push(points.y[i] ?? 0);
  }
  return near;
}

/** Whether `subject relation object` holds. */
export function holds(relation: Relation, subject: Placed, object: Placed): boolean {
  switch (relation) {
    case 'left':
      return isLeftOf(subject, object);
    case 'right':
      return isLeftOf(object, subject);
    case 'above':
      return isAbove(subject, object);
    case 'below':
      return isAbove(object, subject);
    case 'touching':
    case 'inside':
    case 'overlapping':
      return contactOf(subject, object) === relation;
    default:
      return relation satisfies never;
  }
}

/** The one contact of `subject` with `object`; `holding` is inside the other way round. */
export function contactOf(
  subject: Placed,
  object: Placed,
): 'touching' | 'inside' | 'overlapping' | 'holding' | 'apart' {
  if (areFar(subject, object)) return 'apart';
  if (subject.radius < object.radius && containedShare(subject, object) >= INSIDE_SHARE) return 'inside';
  if (object.radius < subject.radius && containedShare(object, subject) >= INSIDE_SHARE) return 'holding';
  if (overlapShare(subject, object) >= OVERLAP_SHARE) return 'overlapping';
  return areNear(subject, object) ? 'touching' : 'apart';
}

function isLeftOf(a: Placed, b: Placed): boolean {
  const from = boxCenter(a);
  const to = boxCenter(b);
  return to.x - from.x >= DIRECTION_PIXELS && Math.abs(to.x - from.x) > Math.abs(to.y - from.y);
}

function isAbove(a: Placed, b: Placed): boolean {
  const from = boxCenter(a);
  const to = boxCenter(b);
  return to.y - from.y >= DIRECTION_PIXELS && Math.abs(to.y - from.y) > Math.abs(to.x - from.x);
}

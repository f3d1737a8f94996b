/**
 * Fits a silhouette to a region: the shape, center and radius that explain its pixels at least cost. Pixels of other
 * objects are nearly free, so a partly covered object is completed and overlaps can be measured.
 */
import { EXTENTS, isInside, type Placed } from './geometry.ts';
import type { Labels, Region } from './segment.ts';
import { IMAGE_SIZE, SHAPES, type Shape } from './world.ts';

/** Cost of a pixel inside (or outside) the silhouette, by what is seen there. */
const COST = {
  insideOther: 0.25,
  insideDark: 0.1,
  insideBridged: 0.35,
  insideBackground: 1,
  outsideBright: 1,
  outsideDark: 0.3,
} as const;
const SMALLEST_RADIUS = 4;
const LARGEST_RADIUS = 24;
const COARSE_STEP = 1.6;
const FINE_STEPS = [0.8, 0.4] as const;
/** Coarse fits dearer than this many times the best one (and a few pixels) are not refined. */
const KEEP_RATIO = 1.6;
const KEEP_PIXELS = 8;

const TABLE_SIZE = 161;
const TABLE_REACH = 1.1;
const TABLES = new Map<Shape, Uint8Array>(SHAPES.map((shape) => [shape, coverTable(shape)]));

/** The unit silhouette on a grid over [-1.1, 1.1] squared, so that a test is a look-up. */
function coverTable(shape: Shape): Uint8Array {
  const table = new Uint8Array(TABLE_SIZE * TABLE_SIZE);
  for (let i = 0; i < table.length; i += 1) {
    const u = ((i % TABLE_SIZE) / (TABLE_SIZE - 1)) * 2 * TABLE_REACH - TABLE_REACH;
    const v = (Math.floor(i / TABLE_SIZE) / (TABLE_SIZE - 1)) * 2 * TABLE_REACH - TABLE_REACH;
    table[i] = isInside(shape, u, v) ? 1 : 0;
  }
  return table;
}

export type Fit = Placed & {
  /** Sum of pixel costs. */
  readonly cost: number;
  /** 1 for a perfect fit; cost relative to the area of the silhouette subtracted from 1. */
  readonly quality: number;
};

type Evidence = {
  /** Cost of covering a pixel minus the cost of leaving it out. */
  readonly gain: Float32Array;
  /** Cost of covering nothing. */
  readonly outside: number;
};

function weigh(region: Region, labels: Labels, dark: Uint8Array): Evidence {
  const gain = new Float32Array(labels.length);
  let outside = 0;
  for (let i = 0; i < labels.length; i += 1) {
    if (region.bright[i] === 1) {
      gain[i] = -COST.outsideBright;
      outside += COST.outsideBright;
    } else if ((labels[i] ?? -1) >= 0) {
      gain[i] = COST.insideOther;
    } else if (dark[i] === 1 && region.closed[i] === 1) {
      gain[i] = COST.insideDark - COST.outsideDark;
      outside += COST.outsideDark;
    } else if (dark[i] === 1 || region.closed[i] === 1) {
      gain[i] = COST.insideBridged;
    } else {
      gain[i] = COST.insideBackground;
    }
  }
  return { gain, outside };
}

/** Which pixels a silhouette covers, by their centers: the bounding box and the way to look them up in a table. */
type Window = {
  readonly table: Uint8Array;
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  /** Table steps per pixel. */
  readonly scale: number;
};

function windowOf(placed: Placed): Window {
  const table = TABLES.get(placed.shape);
  if (table === undefined) throw new RangeError(`no table for ${placed.shape}`);
  const extents = EXTENTS[placed.shape];
  return {
    table,
    top: Math.max(0, Math.floor(placed.y - extents.top * placed.radius)),
    bottom: Math.min(IMAGE_SIZE - 1, Math.floor(placed.y + extents.bottom * placed.radius)),
    left: Math.max(0, Math.floor(placed.x - extents.left * placed.radius)),
    right: Math.min(IMAGE_SIZE - 1, Math.floor(placed.x + extents.right * placed.radius)),
    scale: (TABLE_SIZE - 1) / (2 * TABLE_REACH * placed.radius),
  };
}

const TABLE_MIDDLE = TABLE_SIZE / 2;

/** 1 on the pixels that a silhouette covers. */
export function coverMask(placed: Placed): Uint8Array {
  const { table, top, bottom, left, right, scale } = windowOf(placed);
  const mask = new Uint8Array(IMAGE_SIZE * IMAGE_SIZE);
  for (let y = top; y <= bottom; y += 1) {
    const row = Math.floor((y + 0.5 - placed.y) * scale + TABLE_MIDDLE) * TABLE_SIZE;
    for (let x = left; x <= right; x += 1) {
      const column = Math.floor((x + 0.5 - placed.x) * scale + TABLE_MIDDLE);
      mask[y * IMAGE_SIZE + x] = table[row + column] ?? 0;
    }
  }
  return mask;
}

/** The same loop as `coverMask`, without the mask: this is where the time goes. */
function evaluate(placed: Placed, evidence: Evidence): Fit {
  const { table, top, bottom, left, right, scale } = windowOf(placed);
  const { gain } = evidence;
  let cost = evidence.outside;
  let area = 0;
  for (let y = top; y <= bottom; y += 1) {
    const row = Math.floor((y + 0.5 - placed.y) * scale + TABLE_MIDDLE) * TABLE_SIZE;
    for (let x = left; x <= right; x += 1) {
      if (table[row + Math.floor((x + 0.5 - placed.x) * scale + TABLE_MIDDLE)] !== 1) continue;
      cost += gain[y * IMAGE_SIZE + x] ?? 0;
      area += 1;
    }
  }
  const { shape, x, y, radius } = placed;
  return { shape, x, y, radius, cost, quality: 1 - cost / Math.max(area, 1) };
}

type Box = { left: number; right: number; top: number; bottom: number };

function boxOf(mask: Uint8Array): Box {
  const box = { left: IMAGE_SIZE, right: 0, top: IMAGE_SIZE, bottom: 0 };
  for (let i = 0; i < mask.length; i += 1) {
    if (mask[i] !== 1) continue;
    const x = i % IMAGE_SIZE;
    const y = Math.floor(i / IMAGE_SIZE);
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x + 1);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y + 1);
  }
  return box;
}

/** Whether other objects come within two pixels of the region, so that part of it may be covered. */
function hasNeighbor(region: Region, labels: Labels): boolean {
  for (let i = 0; i < labels.length; i += 1) {
    if (region.bright[i] !== 1) continue;
    for (const step of [-2, 2, -2 * IMAGE_SIZE, 2 * IMAGE_SIZE]) {
      if ((labels[i + step] ?? -1) >= 0 && region.bright[i + step] !== 1) return true;
    }
  }
  return false;
}

/** Starting points: the box of the visible pixels filled, and for covered objects larger ones sharing a corner. */
function startingPoints(shape: Shape, box: Box, covered: boolean): Placed[] {
  const extents = EXTENTS[shape];
  const across = (box.right - box.left) / (extents.left + extents.right);
  const down = (box.bottom - box.top) / (extents.top + extents.bottom);
  const place = (radius: number, alignX: number, alignY: number): Placed => {
    const leftX = box.left + extents.left * radius;
    const rightX = box.right - extents.right * radius;
    const topY = box.top + extents.top * radius;
    const bottomY = box.bottom - extents.bottom * radius;
    return {
      shape,
      radius,
      x: leftX + (rightX - leftX) * alignX,
      y: topY + (bottomY - topY) * alignY,
    };
  };
  const middle = (across + down) / 2;
  // Patterns can darken the tips of a shape, which makes its visible box too small.
  const starts = [place(middle, 0.5, 0.5), place(middle * 1.2, 0.5, 0.5)];
  if (!covered) return starts;
  const larger = Math.max(across, down);
  for (const radius of [larger, larger * 1.25]) {
    for (const alignX of [0, 1]) for (const alignY of [0, 1]) starts.push(place(radius, alignX, alignY));
  }
  return starts;
}

/** Coordinate search in x, y and radius with one step size (pixels). */
function refine(start: Fit, evidence: Evidence, step: number): Fit {
  let best = start;
  for (let improved = true; improved; ) {
    improved = false;
    for (const [dx, dy, dr] of MOVES) {
      const radius = best.radius + dr * step;
      if (radius < SMALLEST_RADIUS || radius > LARGEST_RADIUS) continue;
      const moved = { shape: best.shape, x: best.x + dx * step, y: best.y + dy * step, radius };
      const next = evaluate(moved, evidence);
      if (next.cost < best.cost - 1e-6) {
        best = next;
        improved = true;
      }
    }
  }
  return best;
}

const MOVES = [
  [1, 0, 0],
  [-1, 0, 0],
  [0, 1, 0],
  [0, -1, 0],
  [0, 0, 1],
  [0, 0, -1],
  [1, 0, 1],
  [-1, 0, 1],
  [0, 1, 1],
  [0, -1, 1],
] as const;

/** The best silhouette over all shapes. */
export function fitRegion(region: Region, labels: Labels, dark: Uint8Array): Fit {
  const evidence = weigh(region, labels, dark);
  const box = boxOf(region.bright);
  const covered = hasNeighbor(region, labels);
  const coarse = SHAPES.flatMap((shape) =>
    startingPoints(shape, box, covered).map((start) => {
      const radius = Math.min(Math.max(start.radius, SMALLEST_RADIUS), LARGEST_RADIUS);
      return refine(evaluate({ ...start, radius }, evidence), evidence, COARSE_STEP);
    }),
  );
  const limit = KEEP_RATIO * cheapest(coarse).cost + KEEP_PIXELS;
  const kept = coarse.filter((fit) => fit.cost <= limit);
  return cheapest(kept.map((fit) => FINE_STEPS.reduce((best, step) => refine(best, evidence, step), fit)));
}

function cheapest(fits: readonly Fit[]): Fit {
  return fits.reduce((best, fit) => (fit.cost < best.cost ? fit : best));
}

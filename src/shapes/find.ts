/** Finds the objects of an image from its pixels alone. */
import { type Fit, fitRegion } from './fit.ts';
import { covers } from './geometry.ts';
import {
  cutsAtBridges,
  darkPixels,
  findBackground,
  findRegions,
  type Labels,
  labelPixels,
  makeRegion,
  type Region,
} from './segment.ts';
import { classifyTexture } from './texture.ts';
import {
  type Color,
  IMAGE_SIZE,
  RADII,
  type Shape,
  SIZE_BOUNDARY,
  type Size,
  type Texture,
} from './world.ts';

/** Below this quality of the fit the region is a blob: it has a color but no shape. */
const SHAPE_QUALITY = 0.65;
/** A joint fit of two regions must cost this share of the separate ones to make them one covered object. */
const MERGE_SHARE = 0.9;
/** Parts of a region that nothing fits must together cost this share of it to be objects of their own. */
const CUT_SHARE = 0.6;
/** Anything smaller than this is a discolored patch of another object; drawn badly, the smallest may shrink by 2. */
const SMALLEST_OBJECT = RADII.small[0] - 2;
/** Two silhouettes that share this much of their union are one object in two colors. */
const SAME_PLACE = 0.6;

export type FoundObject = {
  /** null where no silhouette fits. */
  readonly shape: Shape | null;
  readonly color: Color;
  readonly texture: Texture;
  readonly size: Size;
  /** The fitted silhouette, in pixels. */
  readonly fit: Fit;
};

type Candidate = { readonly region: Region; readonly fit: Fit };

/** `rgb` holds 64 x 64 x 3 bytes, row by row. Objects come largest first. */
export function findObjects(rgb: Uint8Array): FoundObject[] {
  const background = findBackground(rgb);
  const labels = labelPixels(rgb, background);
  const dark = new Map<Color, Uint8Array>();
  const fitOne = (region: Region): Candidate => {
    const known = dark.get(region.color) ?? darkPixels(rgb, background, region.color);
    dark.set(region.color, known);
    return { region, fit: fitRegion(region, labels, known) };
  };
  const regions = findRegions(labels).flatMap((region) => splitMisfit(fitOne(region), fitOne));
  const parts = mergeParts(regions, fitOne);
  return mergeColors(parts, fitOne)
    .filter(({ fit }) => fit.radius >= SMALLEST_OBJECT)
    .map((candidate) => describe(candidate, rgb, labels))
    .sort((a, b) => b.fit.radius - a.fit.radius);
}

function describe({ region, fit }: Candidate, rgb: Uint8Array, labels: Labels): FoundObject {
  return {
    shape: fit.quality >= SHAPE_QUALITY ? fit.shape : null,
    color: region.color,
    texture: classifyTexture(rgb, fit, region, labels),
    size: fit.radius < SIZE_BOUNDARY ? 'small' : 'big',
    fit,
  };
}

/** Two objects of one color that a bridge joins show as a region no silhouette fits: cuts it where that mends it. */
function splitMisfit(whole: Candidate, fitOne: (region: Region) => Candidate): Candidate[] {
  if (whole.fit.quality >= SHAPE_QUALITY) return [whole];
  const cuts = cutsAtBridges(whole.region).map((parts) => parts.map(fitOne));
  const cost = (parts: readonly Candidate[]): number => parts.reduce((sum, { fit }) => sum + fit.cost, 0);
  return cuts.find((parts) => cost(parts) <= CUT_SHARE * whole.fit.cost) ?? [whole];
}

/** An object crossed by another one shows as two regions of a color: joins them where one silhouette explains both. */
function mergeParts(candidates: readonly Candidate[], fitOne: (region: Region) => Candidate): Candidate[] {
  for (let i = 0; i < candidates.length; i += 1) {
    for (let j = i + 1; j < candidates.length; j += 1) {
      const a = candidates[i];
      const b = candidates[j];
      if (a === undefined || b === undefined || a.region.color !== b.region.color) continue;
      const joint = fitOne(makeRegion(a.region.color, union(a.region.bright, b.region.bright)));
      if (joint.fit.cost > MERGE_SHARE * (a.fit.cost + b.fit.cost)) continue;
      const rest = candidates.filter((_, index) => index !== i && index !== j);
      return mergeParts([...rest, joint], fitOne);
    }
  }
  return [...candidates];
}

/** An object painted in two colors shows as two regions in one place: it has the color of the larger one. */
function mergeColors(candidates: readonly Candidate[], fitOne: (region: Region) => Candidate): Candidate[] {
  for (const [i, a] of candidates.entries()) {
    const b = candidates.slice(i + 1).find((other) => overlap(a.fit, other.fit) > SAME_PLACE);
    if (b === undefined) continue;
    const { color } = a.region.brightPixels >= b.region.brightPixels ? a.region : b.region;
    const joint = fitOne(makeRegion(color, union(a.region.bright, b.region.bright)));
    return mergeColors([...candidates.filter((other) => other !== a && other !== b), joint], fitOne);
  }
  return [...candidates];
}

function union(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((value, pixel) => value | (b[pixel] ?? 0));
}

/** Shared share of the union of two silhouettes, holes filled. */
function overlap(a: Fit, b: Fit): number {
  // Most pairs are far apart; counting pixels would only slow them down.
  if (Math.hypot(a.x - b.x, a.y - b.y) > Math.max(a.radius, b.radius)) return 0;
  let both = 0;
  let either = 0;
  for (let y = 0; y < IMAGE_SIZE; y += 1) {
    for (let x = 0; x < IMAGE_SIZE; x += 1) {
      const inA = covers(a, x + 0.5, y + 0.5, { filled: true });
      const inB = covers(b, x + 0.5, y + 0.5, { filled: true });
      if (inA && inB) both += 1;
      if (inA || inB) either += 1;
    }
  }
  return either === 0 ? 0 : both / either;
}

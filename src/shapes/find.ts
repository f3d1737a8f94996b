/** Finds the objects of an image from its pixels alone. */
import { type Fit, fitRegion } from './fit.ts';
import {
  darkPixels,
  findBackground,
  findRegions,
  type Labels,
  labelPixels,
  makeRegion,
  type Region,
} from './segment.ts';
import { classifyTexture } from './texture.ts';
import { type Color, type Shape, SIZE_BOUNDARY, type Size, type Texture } from './world.ts';

/** Below this quality of the fit the region is a blob: it has a color but no shape. */
const SHAPE_QUALITY = 0.6;
/** A joint fit of two regions must cost this share of the separate ones to make them one covered object. */
const MERGE_SHARE = 0.9;

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
  const candidates = mergeParts(findRegions(labels).map(fitOne), fitOne);
  return candidates
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

/** An object crossed by another one shows as two regions of a color: joins them where one silhouette explains both. */
function mergeParts(candidates: readonly Candidate[], fitOne: (region: Region) => Candidate): Candidate[] {
  for (let i = 0; i < candidates.length; i += 1) {
    for (let j = i + 1; j < candidates.length; j += 1) {
      const a = candidates[i];
      const b = candidates[j];
      if (a === undefined || b === undefined || a.region.color !== b.region.color) continue;
      const bright = a.region.bright.map((value, pixel) => value | (b.region.bright[pixel] ?? 0));
      const joint = fitOne(makeRegion(a.region.color, bright));
      if (joint.fit.cost > MERGE_SHARE * (a.fit.cost + b.fit.cost)) continue;
      const rest = candidates.filter((_, index) => index !== i && index !== j);
      return mergeParts([...rest, joint], fitOne);
    }
  }
  return [...candidates];
}

/**
 * S-CFG, semantic-aware classifier-free guidance (Shen et al. 2024, arXiv 2404.05384; code 4e5c9a7): the guidance scale
 * varies over the picture so that every token's region is moved as strongly as the foreground.
 *
 *     C~ = (S + 3 S^2) C / 4             cross-attention C completed by self-attention S, per layer
 *     region of token k                  pixels where C~_k, relative to its own mean, is largest (conditional half)
 *     gamma = mean |eps_c - eps_u| of the foreground / of the pixel's region, within [0.8, min(3, 15 / w)], smoothed
 *     eps = eps_u + w gamma (eps_c - eps_u)
 *
 * Differs from the paper: it means over S to S^4; the released code multiplies by S anew each time and gets (S + 3 S^2) / 4.
 */
import type { Combine } from '../../diffusion/guidance.ts';
import type { AttentionHook } from '../../models/hooks.ts';
import { attentionSites, type Stage } from '../../models/unet/stages.ts';
import {
  scope,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from '../../tensor/tf.ts';
import type { MakeDrawRule } from '../methodCode.ts';
import {
  bilinear,
  compose,
  type Grid,
  mapAxes,
  mapPixels,
  nearest,
  pixelMatrix,
  smoothing,
  transpose,
} from './grids.ts';

/** Bounds of gamma; `cap` divided by the guidance scale bounds it too. */
const GAMMA = { low: 0.8, high: 3, cap: 15 } as const;
/** Keeps a map without any attention finite. */
const MEAN_EPS = 1e-8;

/** Attention of one layer, heads averaged: [2N, pixels, pixels] and [2N, pixels, tokens]. */
export type LayerMaps = { readonly self: Tensor3D; readonly cross: Tensor3D; readonly grid: Grid };

/** Token maps [N, tokens, pixels], which token a pixel belongs to, and what is foreground, each of the mask's grid. */
export type Regions = {
  readonly tokenMap: Tensor3D;
  readonly foreMap: Tensor3D;
  readonly foreground: Tensor2D;
};

/** Names of the layers of the `levels` coarsest grids, and the finest grid among these, which masks have. */
export function maskedSites(stages: readonly Stage[], size: Grid, levels: number) {
  const sites = attentionSites(stages, size).map(({ site }) => site);
  const pixels = ([rows, columns]: Grid): number => rows * columns;
  const sizes = [...new Set(sites.map(({ resolution }) => pixels(resolution)))].sort((a, b) => a - b);
  const chosen = sites.filter(({ resolution }) => sizes.indexOf(pixels(resolution)) < levels);
  const grid = chosen.reduce<Grid>((a, { resolution: b }) => (pixels(b) > pixels(a) ? b : a), [0, 0]);
  return { names: new Set(chosen.map(({ name }) => name)), grid };
}

/** Collects the maps of one evaluation: a layer's self-attention is met before its cross-attention. */
export function mapCollector(names: ReadonlySet<string>) {
  const layers: LayerMaps[] = [];
  let self: Tensor3D | null = null;
  const hook: AttentionHook = {
    wants: ({ name }) => names.has(name),
    onAttention: ({ kind, resolution }, { probs }) => {
      const map = tf.keep(tf.mean(probs, 1)) as Tensor3D;
      if (kind === 'self') self = map;
      else {
        layers.push({ self: self as unknown as Tensor3D, cross: map, grid: resolution });
        self = null;
      }
      return null;
    },
  };
  const take = (): readonly LayerMaps[] => layers.splice(0);
  return { hook, take };
}

/** Cross-attention completed by self-attention, [2N, tokens, mask pixels], before smoothing. */
export function completed({ self, cross, grid }: LayerMaps, mask: Grid): Tensor3D {
  return scope(() => {
    const once = tf.matMul(self, cross);
    const twice = tf.matMul(self, once);
    const mixed = tf.transpose(tf.div(tf.add(once, tf.mul(twice, 3)), 4), [0, 2, 1]);
    return mapPixels(mixed, pixelMatrix(bilinear(grid[0], mask[0]), bilinear(grid[1], mask[1]))) as Tensor3D;
  });
}

/** The regions that the maps of one evaluation give. */
export function findRegions(layers: readonly LayerMaps[], mask: Grid): Regions {
  return scope(() => {
    const blur = pixelMatrix(smoothing(mask[0]), smoothing(mask[1]));
    const relative = (map: Tensor, eps: number): Tensor => tf.div(map, tf.add(tf.mean(map, -1, true), eps));
    const found = layers.map((layer) => {
      const maps = mapPixels(completed(layer, mask), blur) as Tensor3D;
      const [uncond, cond] = tf.split(maps, 2) as [Tensor3D, Tensor3D];
      const start = tf.slice(uncond, [0, 0, 0], [-1, 1, -1]);
      const others = tf.sum(tf.slice(uncond, [0, 1, 0], [-1, -1, -1]), 1, true);
      return {
        token: relative(cond, MEAN_EPS),
        fore: tf.concat([relative(start, 0), relative(others, 0)], 1),
      };
    });
    const average = (parts: readonly Tensor[]): Tensor3D => tf.div(tf.addN([...parts]), parts.length);
    const tokenMap = average(found.map(({ token }) => token));
    const foreMap = average(found.map(({ fore }) => fore)); // [N, 2, pixels]
    const [start, others] = tf.split(foreMap, 2, 1) as [Tensor, Tensor];
    const foreground = tf.cast(tf.greater(tf.squeeze(others, [1]), tf.squeeze(start, [1])), 'float32');
    return { tokenMap, foreMap, foreground: foreground as Tensor2D };
  });
}

/**
 * gamma on the latent's grid [N, h, w].
 * @param deltaEps eps_c - eps_u [N, h, w, c]
 */
export function guidanceScale(deltaEps: Tensor4D, regions: Regions, mask: Grid, guidance: number): Tensor3D {
  return scope(() => {
    const [n, h, w] = deltaEps.shape;
    const [rows, columns] = [nearest(mask[0], h), nearest(mask[1], w)];
    const norm = tf.sqrt(tf.sum(tf.square(deltaEps), 3)) as Tensor3D;
    // Sums over the latent's pixels that a pixel of the mask stands for, and how many they are.
    const onMask = (x: Tensor3D): Tensor =>
      tf.reshape(mapAxes(x, transpose(rows), transpose(columns)), [n, -1, 1]);
    const sums = onMask(norm);
    const counts = onMask(tf.ones([n, h, w]));
    const { tokenMap, foreground } = regions;
    const tokens = tokenMap.shape[1];
    const member = tf.cast(tf.oneHot(tf.argMax(tokenMap, 1) as Tensor2D, tokens), 'float32') as Tensor3D; // [N, pixels, tokens]
    const over = (weights: Tensor, x: Tensor): Tensor => tf.sum(tf.mul(weights, x), 1, true); // [N, 1, columns]
    const regionMean = tf.div(over(member, sums), tf.maximum(over(member, counts), 1));
    const fore = tf.expandDims(foreground, 2);
    const foreMean = tf.div(over(fore, sums), tf.maximum(over(fore, counts), 1));
    const own = tf.sum(tf.mul(member, regionMean), 2); // [N, pixels]
    const raw = tf.div(tf.reshape(foreMean, [n, 1]), own);
    const high = Math.min(GAMMA.high, GAMMA.cap / guidance);
    const clamped = tf.minimum(tf.maximum(raw, GAMMA.low), high);
    return mapAxes(
      tf.reshape(clamped, [n, ...mask]) as Tensor3D,
      compose(smoothing(h), rows),
      compose(smoothing(w), columns),
    );
  });
}

/** Guidance by regions, with the MI tap on the raw outputs. Consumes the maps that `take` hands over. */
export function guideByRegions(guidance: number, mask: Grid, take: () => readonly LayerMaps[]): Combine {
  return ({ outputs }) => {
    const layers = take();
    const combined = scope(() => {
      const [uncond, cond] = tf.split(outputs, 2) as [Tensor4D, Tensor4D];
      const deltaEps = tf.sub(cond, uncond) as Tensor4D;
      const gamma = guidanceScale(deltaEps, findRegions(layers, mask), mask, guidance);
      const scaled = tf.mul(tf.mul(deltaEps, tf.expandDims(gamma, 3)), guidance);
      return {
        output: tf.add(uncond, scaled) as Tensor4D,
        squaredDifference: tf.sum(tf.square(deltaEps), [1, 2, 3]) as Tensor1D,
      };
    });
    for (const { self, cross } of layers) tf.dispose([self, cross]);
    return combined;
  };
}

export const drawRule: MakeDrawRule = (options) => ({
  rows: Number.POSITIVE_INFINITY,
  prepare: async ({ session, guidance }) => {
    const [h, w] = session.latentShape;
    const { names, grid } = maskedSites(session.model.unet.stages, [h, w], options.levels as number);
    const { hook, take } = mapCollector(names);
    const dispose = (): void => {
      for (const { self, cross } of take()) tf.dispose([self, cross]);
    };
    return {
      combine: guideByRegions(guidance, grid, take),
      denoiseOptions: { hooks: { attention: hook } },
      dispose,
    };
  },
});

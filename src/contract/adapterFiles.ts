/** Formats that an adapter is handed out in, for engine, page and command line. */

export type ExportFormat = 'diffusers' | 'kohya' | 'comfyui' | 'diff';
/** `merged`: no adapter file but the whole model with the adapter in its weights. */
export type ExportName = ExportFormat | 'merged';

export const EXPORT_NAMES = [
  'diffusers',
  'kohya',
  'comfyui',
  'diff',
  'merged',
] as const satisfies ExportName[];

/** Relative error of a layer's weight difference as a file holds it: ||difference - held|| / ||difference||. */
export type LayerLoss = { readonly module: string; readonly residual: number };

/** Singular values that a low-rank file keeps per layer where the difference has more. */
export const LOW_RANK = 64;

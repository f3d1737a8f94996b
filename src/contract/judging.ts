/** How training is watched and judged: what of it the forecast and the report have to know. */

/** Few timesteps with one draw each, so that it costs a fraction of the training between two checkpoints. */
export const VALIDATION = { timesteps: 5, draws: 1, images: 8 } as const;

/** Of the errors that are compared with and without the adapter. */
export const EVALUATION_GRID = { timesteps: 8, draws: 4 } as const;

/** Most held-out prompts and images per prompt that are drawn again. */
export const EVALUATED = { prompts: 12, images: 8 } as const;

/** Most sampling steps of a preview: enough to see where training goes. */
export const PREVIEW_STEPS = 20;

/** The exact score of the shapes world: what of the prompt is really in the picture, from pixels alone. */
import type { Metric } from './metric.ts';

export const exactShapes = {
  name: 'exact',
  title: 'Exact score',
  short: 'exact',
  summary:
    'Share of the prompt’s claims (objects, colors, textures, sizes, relations) that hold in the picture. It never selects anything.',
  caution:
    'Pictures of the built-in shapes world only. It agrees with people on at least 95% of pictures, not on all.',
  range: [0, 1],
  format: 'percent',
  network: null,
  parts: [{ key: 'strict', title: 'All claims right' }],
} as const satisfies Metric;

/**
 * MI-TUNE (arXiv 2405.20759), Algorithm 1. With the runner's loop over rounds and stages it reads:
 *
 *     for r = 1..R                                       selection.rounds
 *       S = {}
 *       for p in P, j = 1..M                             stage pool:     (z, I) = PointWiseMI(eps_theta, p), Algorithm 2
 *         draw z_T ~ N(0, I); for t = T..1:                              I += kappa_t || eps_theta(z_t, p) - eps_theta(z_t) ||^2
 *       S += the k of M images of p with largest I       stage select
 *       theta = FineTune(theta, S)                       stage train:    Equation 1 on S, DoRA adapters
 *     return theta                                       stage evaluate: what the paper leaves to the reader's eye
 *
 * Differs from the paper: real images may replace a share of S (its Table 7; stage real-images ranks them by re-noised MI),
 * and the checkpoint that held-out prompts find best is the one that is returned.
 */
import { type Method, trainingCost } from './method.ts';

export const miTune = {
  name: 'mi-tune',
  title: 'MI-TUNE',
  summary:
    'Draws many images for each prompt, keeps those that share most information with it by the model’s own estimate, and trains an adapter on them.',
  source: {
    paper: 'Wang, Franzese, Finamore, Gallo and Michiardi, arXiv 2405.20759',
    code: 'Chao0511/mitune d4e85a1',
    license: 'MIT',
  },
  differences: [
    'Held-out prompts choose the checkpoint; the released script leaves the choice to the user, on test prompts.',
    'Later rounds go on training the adapter, as the paper says; the released script starts afresh.',
  ],
  experimental: null,
  needs: { attention: false, gradients: 'adapter', reading: false, reward: false },
  stages: ['pool', 'real-images', 'select', 'train', 'evaluate'],
  draws: false,
  wholePool: null,
  options: [],
  cost: (settings) => trainingCost(settings, { rows: 1, referenceRows: 0 }),
} as const satisfies Method;

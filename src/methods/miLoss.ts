import { type Method, TRAINS_ON_POOL, trainingCost } from './method.ts';

export const miLoss = {
  name: 'mi-loss',
  title: 'MI in the loss',
  summary:
    'Besides lowering the error, raises the squared difference between predictions with and without the prompt, up to a bound.',
  source: {
    paper: 'named in the discussion of arXiv 2405.20759, which gives no formula',
    code: null,
    license: null,
  },
  differences: ['The formula and its bound are ours; without the bound the loss has no minimum.'],
  experimental: 'The paper reports high variance, since the model’s unconditional branch is poorly trained.',
  needs: { attention: false, gradients: 'adapter', reading: false, reward: false },
  ...TRAINS_ON_POOL,
  wholePool: null,
  options: [
    {
      key: 'eta',
      label: 'Weight of the information',
      help: 'Share of the squared difference that is subtracted from the error.',
      origin: 'our choice',
      kind: 'number',
      default: 0.1,
      min: 0,
      max: 10,
      step: 0.05,
    },
    {
      key: 'bound',
      label: 'Bound',
      help: 'The squared difference counts up to this many times the error.',
      origin: 'our choice',
      kind: 'number',
      default: 1,
      min: 0,
      max: 10,
      step: 0.1,
    },
  ],
  cost: (settings) => trainingCost(settings, { rows: 2, referenceRows: 0 }),
} as const satisfies Method;

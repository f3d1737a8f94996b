import { type Method, TRAINS_ON_POOL, trainingCost } from './method.ts';
import { rewardOption } from './rewardOption.ts';

export const gors = {
  name: 'gors',
  title: 'GORS',
  summary: 'Trains on the candidates whose reward is high, each weighted by its reward.',
  source: {
    paper: 'Huang, Sun, Xie, Li and Liu, arXiv 2307.06350',
    code: 'Karine-Huang/T2I-CompBench 1b70949',
    license: 'MIT',
  },
  differences: [
    'Rewards are MI, a metric of this page or a file of scores; upstream’s are BLIP-VQA, UniDet or CLIPScore.',
    'One threshold for all prompts; upstream has one for templates and one for natural prompts of each category.',
    'No horizontal flip: upstream’s flag never reaches its data set.',
  ],
  experimental: null,
  needs: { attention: false, gradients: 'adapter', reading: false, reward: true },
  ...TRAINS_ON_POOL,
  wholePool: 'weighs a candidate by how many of its prompt’s others it beats',
  options: [
    rewardOption({
      help: 'What says how good a candidate is. MI: the share of its prompt’s other candidates that it beats.',
      origin: 'upstream takes the category’s benchmark metric',
    }),
    {
      key: 'threshold',
      label: 'Threshold',
      help: 'Only candidates above it train.',
      origin: 'upstream .40 to .92 by category; .70 and .60 for natural prompts',
      kind: 'number',
      default: 0.7,
      min: 0,
      max: 1,
      step: 0.01,
    },
    {
      key: 'textRate',
      label: 'Learning rate of the text encoder',
      help: 'As a share of the UNet’s, where the text encoder is trained too.',
      origin: '5e-6 beside 1e-4 in the training script',
      kind: 'number',
      default: 0.05,
      min: 0,
      max: 10,
      step: 0.01,
    },
  ],
  cost: (settings) => trainingCost(settings, { rows: 1, referenceRows: 0 }),
} as const satisfies Method;

import { type Method, TRAINS_ON_POOL, trainingCost } from './method.ts';

export const negativeAware = {
  name: 'negative-aware',
  title: 'Negative-aware tuning',
  summary:
    'The pool’s best and worst candidates by MI as positive and negative directions of one loss, in the manner of DiffusionNFT. No image is drawn beyond MI-TUNE’s.',
  source: {
    paper: 'our own; Zheng, Chen, Ye, Wang, Zhang, Jiang, Su, Ermon, Zhu and Liu, arXiv 2509.16117',
    code: null,
    license: null,
  },
  differences: [
    'Rewards are 1 and 0 for the two ends of the pool by MI; the paper grades all samples.',
    'The reference is the base model in every round; the paper moves it along.',
    'On the network’s own prediction, noise or velocity.',
  ],
  experimental: null,
  needs: { attention: false, gradients: 'adapter', reading: false, reward: false },
  ...TRAINS_ON_POOL,
  wholePool: 'learns from the candidates with least information too',
  options: [
    {
      key: 'beta',
      label: 'Beta',
      help: 'How far the two directions lie from the base model.',
      origin: '1 in the paper’s main experiments, as far as its abstract and summaries tell',
      kind: 'number',
      default: 1,
      min: 0.01,
      max: 10,
      step: 0.1,
    },
  ],
  cost: (settings) => trainingCost(settings, { rows: 1, referenceRows: 1 }),
} as const satisfies Method;

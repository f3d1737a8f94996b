import { type Method, TRAINS_ON_POOL, trainingCost } from './method.ts';

export const miDpo = {
  name: 'mi-dpo',
  title: 'MI-DPO',
  summary:
    'Diffusion-DPO on pairs of the pool: the candidate with most information wins, the one with least loses. No image is drawn beyond MI-TUNE’s.',
  source: {
    paper:
      'our own; Wallace, Dang, Rafailov, Zhou, Lou, Purushwalkam, Ermon, Xiong, Joty and Naik, arXiv 2311.12908',
    code: 'SalesforceAIResearch/DiffusionDPO 5233e75 and diffusers v0.27.2',
    license: 'Apache-2.0',
  },
  differences: [
    'Preferences are those of MI; upstream’s are people’s.',
    'An adapter is trained, the base model is the adapter switched off.',
    'No caption is replaced by an empty one; Salesforce’s script replaces 20%.',
  ],
  experimental: null,
  needs: { attention: false, gradients: 'adapter', reading: false, reward: false },
  ...TRAINS_ON_POOL,
  wholePool: 'learns from the candidates with least information too',
  options: [
    {
      key: 'beta',
      label: 'Beta',
      help: 'How strongly a pair’s errors may differ from the base model’s.',
      origin: '5000 in the paper’s code, which equals 2500 in diffusers’ script',
      kind: 'number',
      default: 5000,
      min: 0,
      max: 100000,
      step: 100,
    },
  ],
  cost: (settings) => trainingCost(settings, { rows: 2, referenceRows: 2 }),
} as const satisfies Method;

import { type Method, TRAINS_ON_POOL, trainingCost } from './method.ts';
import { rewardOption } from './rewardOption.ts';

export const hnItm = {
  name: 'hn-itm',
  title: 'HN-ITM (hard negatives)',
  summary:
    'Beside every selected image stands a wrong image or a wrong caption whose error has to grow, up to a bound.',
  source: {
    paper: 'Krojer, Poole-Dayan, Voleti, Pal and Reddy, arXiv 2305.16397',
    code: 'McGill-NLP/diffusion-itm 7d5a9c0, read for facts',
    license: null,
  },
  differences: [
    'Negatives come from this run: image and caption of the prompt with most words in common, or any other caption; upstream takes NegCLIP’s for MS COCO.',
    'The images that train are those with the highest reward of the pool; upstream’s are photographs.',
    'Where memory is short the bound is taken over the part of a micro-batch that fits.',
  ],
  experimental: null,
  needs: { attention: false, gradients: 'adapter', reading: false, reward: true },
  ...TRAINS_ON_POOL,
  wholePool: null,
  options: [
    rewardOption({
      help: 'What selects the images that train, the best of each prompt.',
      origin: 'ours; upstream trains on captioned photographs',
    }),
    {
      key: 'bound',
      label: 'Bound',
      help: 'The negative error counts up to this many times the positive one. At 1 an active bound reads a loss of 0, which is not convergence.',
      origin: 'neg_loss_factor 1',
      kind: 'number',
      default: 1,
      min: 0,
      max: 10,
      step: 0.1,
    },
    {
      key: 'relativistic',
      label: 'Negatives against the prediction',
      help: 'The negative error is the distance of the two predictions from one another, not from the noise.',
      origin: 'a variant in the authors’ training script, off',
      kind: 'switch',
      default: false,
    },
  ],
  cost: (settings) => trainingCost(settings, { rows: 2, referenceRows: 0 }),
} as const satisfies Method;

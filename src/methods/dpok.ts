import { type Method, TRAINS_ON_POOL, trainingCost } from './method.ts';
import { rewardOption } from './rewardOption.ts';

export const dpok = {
  name: 'dpok',
  title: 'DPOK',
  summary:
    'Draws images while it trains and makes the sampler’s steps that led to rewarded ones more likely, held to the base model by a penalty.',
  source: {
    paper: 'Fan, Watkins, Du, Liu, Ryu, Boutilier, Abbeel, Ghavamzadeh, Lee and Lee, arXiv 2305.16381',
    code: 'google-research/google-research, folder dpok, 1d49f2c (pipeline 4c42994, scheduler 10270a5)',
    license: 'Apache-2.0',
  },
  differences: [
    'Rewards are MI, a metric of this page or a file of scores; upstream’s is ImageReward.',
    'The reward of MI is the share of the pool’s candidates of the prompt that the new image beats, so the pool is drawn first.',
    'With a file of scores the images are the pool’s, drawn again from their seeds: only the first steps of a round are on its own policy.',
    'The sampler is the run’s where its steps add noise (DDPM), else DDIM with eta 1; of DDPM the last step, which adds none, is left out.',
    'The value network reads what the model’s own text encoder says at the end of the prompt; upstream adds a CLIP-L.',
    'Log-probabilities stay in float32, as the clip of 1e-4 needs; upstream keeps halves.',
    'Learning rate, clipping and batches are the run’s; upstream has 1e-5, 0.1 and 12 times 4 transitions, weight decay 0.',
    'The last adapter is the result, as upstream: errors on held-out images do not measure what it trains for.',
  ],
  experimental: null,
  needs: { attention: false, gradients: 'adapter', reading: false, reward: true },
  ...TRAINS_ON_POOL,
  options: [
    rewardOption({
      help: 'What an image gets. MI: the share of the pool’s candidates of its prompt that it beats.',
      origin: 'upstream takes ImageReward',
    }),
    {
      key: 'rewardWeight',
      label: 'Weight of the reward',
      help: 'Factor of the policy’s term.',
      origin: 'reward_weight 10 for one prompt; 1000 for many, with a penalty of 0.1',
      kind: 'number',
      default: 10,
      min: 0,
      max: 100000,
      step: 1,
    },
    {
      key: 'klWeight',
      label: 'Penalty for leaving the base model',
      help: 'Factor of the squared distance to the base model’s guided prediction.',
      origin: 'kl_weight 0.01 for one prompt',
      kind: 'number',
      default: 0.01,
      min: 0,
      max: 1000,
      step: 0.01,
    },
    {
      key: 'ratioClip',
      label: 'Clip of the ratio',
      help: 'Steps that are this much more or less likely than when they were drawn are left alone.',
      origin: 'ratio_clip 1e-4',
      kind: 'number',
      default: 0.0001,
      min: 0.000001,
      max: 1,
      step: 0.0001,
    },
    {
      key: 'samples',
      label: 'Images of an iteration',
      help: 'Drawn with the model as it stands before the policy’s next steps.',
      origin: 'g_batch_size 10 for one prompt, 6 for many',
      kind: 'integer',
      default: 10,
      min: 1,
      max: 1000,
      step: 1,
    },
    {
      key: 'kept',
      label: 'Images in the buffer',
      help: 'The latest; all their steps are drawn from.',
      origin: 'buffer_size 1000 transitions, which are 20 images of 50 steps',
      kind: 'integer',
      default: 20,
      min: 1,
      max: 10000,
      step: 1,
    },
    {
      key: 'policySteps',
      label: 'Steps between drawings',
      help: 'Optimizer steps on the buffer before new images are drawn.',
      origin: 'p_step 5',
      kind: 'integer',
      default: 5,
      min: 1,
      max: 1000,
      step: 1,
    },
  ],
  cost: (settings, options) => {
    const { perImage, perUpdate } = trainingCost(settings, { rows: 2, referenceRows: 2 });
    const drawn = ((options.samples as number) * perImage) / (options.policySteps as number);
    return { perImage, perUpdate: Math.round(perUpdate + drawn) };
  },
} as const satisfies Method;

import {
  DRAWS_IMAGES,
  GUIDED_EVALUATIONS,
  type Method,
  type Options,
  samplerSteps,
  TRAINED_EVALUATIONS,
} from './method.ts';

/** Shares of the sampler's evaluations at which an update is repeated, and the attention that has to be reached. */
const REFINEMENTS = [
  [0, 0.05],
  [0.2, 0.5],
  [0.4, 0.8],
] as const;

/**
 * Which of the sampler's evaluations are altered: with 50 steps those before 25, refined at 0, 10 and 20 as upstream.
 * Of refinements that fall on one evaluation the highest counts.
 * @returns evaluations before `alterUntil` get the update; `refinements`: evaluation to the attention to be reached
 */
export function exciteSchedule(evaluations: number, options: Options) {
  return {
    alterUntil: Math.floor((options.alterShare as number) * evaluations),
    refinements: new Map(
      REFINEMENTS.map(([share, threshold]) => [Math.floor(share * evaluations), threshold] as const),
    ),
  };
}

export const attendAndExcite = {
  name: 'attend-and-excite',
  title: 'Attend-and-Excite',
  summary:
    'While an image is drawn, moves it so that every object of the prompt gets attention somewhere: made for objects that are forgotten.',
  source: {
    paper: 'Chefer, Alaluf, Vinker, Wolf and Cohen-Or, arXiv 2301.13826',
    code: 'yuval-alaluf/Attend-and-Excite 163efdf',
    license: 'MIT',
  },
  differences: [
    'Objects are the nouns that a small grammar finds, editable; upstream asks for token numbers.',
    'Steps are told as shares of the sampler’s, equal to upstream’s with 50.',
    'Maps of 16 x 16 where the model has them, else of the grid with nearest to 256 pixels.',
    'The gradient pass scales its input where the sampler does (Euler); upstream never does.',
    'Passes whose result upstream throws away are left out.',
  ],
  experimental: null,
  needs: { attention: true, gradients: 'latent', reading: true, reward: false },
  ...DRAWS_IMAGES,
  options: [
    {
      key: 'stepSize',
      label: 'Step size',
      help: 'Factor of the gradient at the first step; it falls to 0.71 of that at the last.',
      origin: 'scale_factor 20, scale_range (1, 0.5) in the authors’ config.py',
      kind: 'number',
      default: 20,
      min: 0,
      max: 1000,
      step: 1,
    },
    {
      key: 'alterShare',
      label: 'Altered share of the steps',
      help: 'Updates end after this share of the steps.',
      origin: 'max_iter_to_alter 25 of 50 steps',
      kind: 'number',
      default: 0.5,
      min: 0,
      max: 1,
      step: 0.05,
    },
    {
      key: 'maxRefinements',
      label: 'Most repetitions',
      help: 'At three of the steps the update is repeated until every object has enough attention, at most this often.',
      origin: 'max_refinement_steps 20',
      kind: 'integer',
      default: 20,
      min: 1,
      max: 100,
      step: 1,
    },
    {
      key: 'promptTokensOnly',
      label: 'Only tokens of the prompt compete',
      help: 'Off: end token and padding take part in the softmax too, as upstream does for SD 1.',
      origin: 'sd_2_1 True, which the paper’s comparison on SD 2.1 needs',
      kind: 'switch',
      default: true,
    },
  ],
  cost: (settings, options) => {
    const evaluations = samplerSteps(settings);
    const { alterUntil, refinements } = exciteSchedule(evaluations, options);
    const measured = alterUntil + refinements.size * (options.maxRefinements as number);
    return { perImage: evaluations * GUIDED_EVALUATIONS + measured * TRAINED_EVALUATIONS, perUpdate: 0 };
  },
} as const satisfies Method;

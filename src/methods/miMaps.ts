import {
  DRAWS_IMAGES,
  GUIDED_EVALUATIONS,
  type Method,
  type Options,
  samplerSteps,
  TRAINED_EVALUATIONS,
} from './method.ts';

/** Evaluations before this one are altered. */
export function alteredEvaluations(evaluations: number, { alterShare }: Options): number {
  return Math.floor((alterShare as number) * evaluations);
}

export const miMaps = {
  name: 'mi-maps',
  title: 'MI maps',
  summary:
    'While an image is drawn, moves it so that every object of the prompt has a place where the model’s estimate of its information gathers.',
  source: {
    paper:
      'named in the discussion of arXiv 2405.20759, which gives no formula; the loss of Chefer et al., arXiv 2301.13826',
    code: null,
    license: null,
  },
  differences: [
    'The formula is ours: squared differences of two predictions at each pixel, summed over channels, smoothed, divided by their sum.',
    'Objects are the nouns that a small grammar finds, editable.',
    'The update is as long as a share of the latent: gradients of such maps differ by orders of magnitude between timesteps.',
    'Updates are not repeated: shares of pixels have no threshold that means the same on every grid.',
  ],
  experimental:
    'The paper reports poor results, since the model’s prediction without a prompt is poorly trained.',
  needs: { attention: false, gradients: 'latent', reading: true, reward: false },
  ...DRAWS_IMAGES,
  options: [
    {
      key: 'against',
      label: 'An object’s map is',
      help: 'Which two predictions are compared at every pixel.',
      origin: 'the paper compares with no prompt; the prompt without the word is conditional information',
      kind: 'choice',
      default: 'nothing',
      choices: [
        { value: 'nothing', label: 'The word alone against no prompt' },
        { value: 'rest', label: 'The prompt against the prompt without the word' },
      ],
    },
    {
      key: 'stepSize',
      label: 'Step size',
      help: 'Length of the update at the first step as a share of the latent’s; it falls to 0.71 of that at the last.',
      origin: 'our choice',
      kind: 'number',
      default: 0.02,
      min: 0,
      max: 1,
      step: 0.01,
    },
    {
      key: 'alterShare',
      label: 'Altered share of the steps',
      help: 'Updates end after this share of the steps.',
      origin: 'as Attend-and-Excite: 25 of 50 steps',
      kind: 'number',
      default: 0.5,
      min: 0,
      max: 1,
      step: 0.05,
    },
    {
      key: 'objects',
      label: 'Most objects',
      help: 'Only the first ones of a prompt; each costs an evaluation at every altered step.',
      origin: 'our choice',
      kind: 'integer',
      default: 4,
      min: 1,
      max: 20,
      step: 1,
    },
  ],
  cost: (settings, options) => {
    const evaluations = samplerSteps(settings);
    // All objects are looked at, and the gradient goes through the two predictions of the worst.
    const perAltered = (options.objects as number) + 1 + 2 * TRAINED_EVALUATIONS;
    const altered = alteredEvaluations(evaluations, options);
    return { perImage: evaluations * GUIDED_EVALUATIONS + altered * perAltered, perUpdate: 0 };
  },
} as const satisfies Method;

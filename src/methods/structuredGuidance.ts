import { DRAWS_IMAGES, GUIDED_EVALUATIONS, type Method, samplerSteps } from './method.ts';

export const structuredGuidance = {
  name: 'structured-guidance',
  title: 'Structured Diffusion Guidance',
  summary:
    'Encodes every noun phrase of the prompt alone and lets attention read its values from the mean: made for colors and materials that go to the wrong object.',
  source: {
    paper: 'Feng, He, Fu, Jampani, Akula, Narayana, Basu, Wang and Wang, arXiv 2212.05032',
    code: 'weixi-feng/Structured-Diffusion-Guidance 773b2ba',
    license: 'MIT',
  },
  differences: [
    'Noun phrases come from a small grammar over word classes, editable; upstream parses with stanza.',
    'One attention with the mean value context in place of one per phrase: equal, as values are linear in the context.',
    'The prompt is read as it is written; upstream strips dots at its ends and everything after the first sentence from the parse.',
    'Any sampler; upstream runs with PLMS alone.',
  ],
  experimental: null,
  needs: { attention: false, gradients: 'none', reading: true, reward: false },
  ...DRAWS_IMAGES,
  options: [
    {
      key: 'mode',
      label: 'Contexts',
      help: 'Mean of values, or (conjunction) one value context with all phrases in their places, attended to with several keys.',
      origin: 'the script’s default; conjunction is its flag',
      kind: 'choice',
      default: 'mean',
      choices: [
        { value: 'mean', label: 'mean of the values' },
        { value: 'conjunction', label: 'conjunction' },
      ],
    },
  ],
  cost: (settings) => ({ perImage: samplerSteps(settings) * GUIDED_EVALUATIONS, perUpdate: 0 }),
} as const satisfies Method;

import { DRAWS_IMAGES, GUIDED_EVALUATIONS, type Method, samplerSteps } from './method.ts';

export const semanticGuidance = {
  name: 'semantic-guidance',
  title: 'Semantic-aware guidance (S-CFG)',
  summary:
    'Varies the guidance scale over the picture, so that every region that belongs to a word is moved as strongly as the foreground.',
  source: {
    paper: 'Shen, Song, Xue, Chen, Liu and Zhang, arXiv 2404.05384',
    code: 'SmilesDZgk/S-CFG 4e5c9a7, read for facts',
    license: null,
  },
  differences: [
    'Self-attention is applied as (S + 3 S^2) / 4, as the released code computes; the paper averages powers up to the fourth.',
    'Masks have the model’s coarsest grids whatever the image size; upstream fails at sizes other than the configured one.',
  ],
  experimental: null,
  needs: { attention: true, gradients: 'none', reading: false, reward: false },
  ...DRAWS_IMAGES,
  options: [
    {
      key: 'levels',
      label: 'Attention grids used',
      help: 'How many of the model’s coarsest grids of attention make the regions.',
      origin: 'R = 4 in the authors’ pipeline: 16 x 16 and 8 x 8 of SD at 512 pixels',
      kind: 'integer',
      default: 2,
      min: 1,
      max: 4,
      step: 1,
    },
  ],
  cost: (settings) => ({ perImage: samplerSteps(settings) * GUIDED_EVALUATIONS, perUpdate: 0 }),
} as const satisfies Method;

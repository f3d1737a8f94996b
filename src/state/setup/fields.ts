/**
 * Every setting of a run, declared once: its range, its words, its place on the page. The settings page, the
 * address in the browser, run files and the comparison with the paper are all read from this table.
 */
import type { Settings } from '../../contract/spec.ts';

export type FieldPath = { [G in keyof Settings]: `${G}.${keyof Settings[G] & string}` }[keyof Settings];
export type FieldValue = number | string | boolean | null;

type FieldBase = { readonly label: string; readonly help: string };
export type NumberField = FieldBase & {
  readonly kind: 'integer' | 'number';
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly unit?: string;
  /** Words for "no value" where the setting can be switched off. */
  readonly none?: string;
  /** Value it begins with when switched on. */
  readonly initial?: number;
};
export type ChoiceField = FieldBase & {
  readonly kind: 'choice';
  readonly options: readonly { readonly value: string; readonly label: string; readonly help?: string }[];
};
export type SwitchField = FieldBase & { readonly kind: 'switch' };
export type Field = NumberField | ChoiceField | SwitchField;

export const FIELDS = {
  'sampling.scheduler': {
    kind: 'choice',
    label: 'Scheduler',
    help: 'How an image is drawn from noise, step by step.',
    options: [
      { value: 'ddpm', label: 'DDPM' },
      { value: 'ddim', label: 'DDIM' },
      { value: 'euler', label: 'Euler' },
      { value: 'pndm', label: 'PNDM' },
      { value: 'dpmpp2m', label: 'DPM-Solver++ 2M' },
    ],
  },
  'sampling.steps': {
    kind: 'integer',
    label: 'Steps',
    help: 'Each step costs two network evaluations, one with the prompt and one without.',
    min: 1,
    max: 1000,
    step: 1,
  },
  'sampling.guidance': {
    kind: 'number',
    label: 'Guidance',
    help: 'How far each step leans toward the prompt. 1 follows the model’s own distribution.',
    min: 0,
    max: 30,
    step: 0.5,
  },
  'sampling.batch': {
    kind: 'integer',
    label: 'Images at once',
    help: 'Candidates per network call. More is faster until memory runs out; the images stay the same.',
    min: 1,
    max: 64,
    step: 1,
  },
  'sampling.size': {
    kind: 'integer',
    label: 'Image size',
    help: 'Height and width. Other sizes than the model was trained for give worse images.',
    min: 16,
    max: 2048,
    step: 8,
    unit: 'pixels',
    none: 'The model’s own',
    initial: 512,
  },
  'score.path': {
    kind: 'choice',
    label: 'Where it is measured',
    help: 'The noise predictions that are compared with and without the prompt.',
    options: [
      {
        value: 'guided',
        label: 'Guided sampling',
        help: 'No extra cost. A ranking within one prompt, not a quantity in nats.',
      },
      {
        value: 'conditional',
        label: 'Prompt-only sampling',
        help: 'Algorithm 2 to the letter: sampling follows the conditional prediction.',
      },
      {
        value: 'renoise',
        label: 'Noised again',
        help: 'The finished image, with fresh noise: two evaluations per noise draw, and a standard error.',
      },
    ],
  },
  'score.estimator': {
    kind: 'choice',
    label: 'Estimator',
    help: 'The standard form needs the path that noises finished images again, and can be negative.',
    options: [
      { value: 'orthogonal', label: 'Squared difference' },
      { value: 'standard', label: 'Difference of errors' },
    ],
  },
  'score.weights': {
    kind: 'choice',
    label: 'Weights over time',
    help: 'How much each noise level counts. Can be changed later at no cost.',
    options: [
      { value: 'eq2', label: 'Equation 2' },
      { value: 'code', label: 'Official code' },
      { value: 'posterior', label: 'Posterior variance' },
      { value: 'dlogsnr', label: 'Change of log SNR' },
      { value: 'none', label: 'None (plain sum)' },
    ],
  },
  'score.truncation': {
    kind: 'integer',
    label: 'Leave out the last steps',
    help: 'Only steps with t above this count. Can be changed later at no cost.',
    min: 0,
    max: 900,
    step: 10,
    unit: 't',
  },
  'score.noiseDraws': {
    kind: 'integer',
    label: 'Noise draws',
    help: 'Draws per noise level when finished images are noised again.',
    min: 1,
    max: 64,
    step: 1,
  },
  'selection.candidates': {
    kind: 'integer',
    label: 'Candidates per prompt (M)',
    help: 'Images drawn for every prompt.',
    min: 1,
    max: 500,
    step: 1,
  },
  'selection.keep': {
    kind: 'integer',
    label: 'Kept per prompt (k)',
    help: 'The best-scored ones become training images.',
    min: 1,
    max: 100,
    step: 1,
  },
  'selection.rounds': {
    kind: 'integer',
    label: 'Rounds (R)',
    help: 'How often the set is drawn anew from the tuned model. The paper shows 1 to 3.',
    min: 1,
    max: 10,
    step: 1,
  },
  'selection.duplicates': {
    kind: 'choice',
    label: 'Repeated prompts',
    help: 'The official code collapses them into one.',
    options: [
      { value: 'keep', label: 'Keep each' },
      { value: 'collapse', label: 'Collapse into one' },
    ],
  },
  'selection.seeds': {
    kind: 'choice',
    label: 'Seeds',
    help: 'Shared: candidate j starts from the same noise whatever the prompt, as in the official code.',
    options: [
      { value: 'distinct', label: 'One for each image' },
      { value: 'shared', label: 'Shared by all prompts' },
    ],
  },
  'adapter.kind': {
    kind: 'choice',
    label: 'Kind',
    help: 'DoRA trains direction and length of each weight row apart; LoRA trains a plain low-rank sum.',
    options: [
      { value: 'dora', label: 'DoRA' },
      { value: 'lora', label: 'LoRA' },
    ],
  },
  'adapter.rank': {
    kind: 'integer',
    label: 'Rank',
    help: 'Size of the adapter. Twice the rank is twice the file.',
    min: 1,
    max: 256,
    step: 1,
  },
  'adapter.textEncoder': {
    kind: 'switch',
    label: 'Text encoder too',
    help: 'The paper’s joint variant: prompts are encoded anew at every training step.',
  },
  'training.iterations': {
    kind: 'integer',
    label: 'Steps per round',
    help: 'Optimizer steps.',
    min: 1,
    max: 20000,
    step: 10,
  },
  'training.batch': {
    kind: 'integer',
    label: 'Images per pass',
    help: 'What the network sees at once.',
    min: 1,
    max: 128,
    step: 1,
  },
  'training.accumulation': {
    kind: 'integer',
    label: 'Passes per step',
    help: 'Gradients of several passes are summed before each optimizer step.',
    min: 1,
    max: 512,
    step: 1,
  },
  'training.learningRate': {
    kind: 'number',
    label: 'Learning rate',
    help: 'Constant, AdamW.',
    min: 1e-7,
    max: 0.1,
    step: 1e-5,
  },
  'training.warmup': {
    kind: 'integer',
    label: 'Warm-up',
    help: 'Steps of linear rise before the constant rate.',
    min: 0,
    max: 5000,
    step: 1,
    unit: 'steps',
  },
  'training.clip': {
    kind: 'number',
    label: 'Clip gradients at',
    help: 'Largest global norm. The official code asks for 1, yet never clips.',
    min: 0.01,
    max: 100,
    step: 0.1,
    none: 'No clipping',
    initial: 1,
  },
  'training.weightDecay': {
    kind: 'number',
    label: 'Weight decay',
    help: 'Of AdamW.',
    min: 0,
    max: 1,
    step: 0.005,
  },
  'training.flushAtEpochEnd': {
    kind: 'switch',
    label: 'Step at the end of each pass over the set',
    help: 'The official script does, even when fewer images have been summed.',
  },
  'training.freshAdapterEachRound': {
    kind: 'switch',
    label: 'New adapter each round',
    help: 'The official script starts over; otherwise one adapter goes on and fits the original model.',
  },
  'training.validationShare': {
    kind: 'number',
    label: 'Held-out prompts',
    help: 'Share set aside before anything else; they choose the best checkpoint and are never trained on.',
    min: 0,
    max: 0.9,
    step: 0.05,
  },
  'training.checkpointEvery': {
    kind: 'integer',
    label: 'Validate and save every',
    help: 'Steps between checkpoints a run can be resumed from.',
    min: 1,
    max: 1000,
    step: 1,
    unit: 'steps',
  },
  'training.previewEvery': {
    kind: 'integer',
    label: 'Preview every',
    help: 'Steps between preview images; 0 for none.',
    min: 0,
    max: 1000,
    step: 1,
    unit: 'steps',
  },
} as const satisfies Record<FieldPath, Field>;

export const FIELD_PATHS = Object.keys(FIELDS) as FieldPath[];

export const FIELD_GROUPS: readonly {
  readonly key: keyof Settings;
  readonly title: string;
  readonly summary: string;
}[] = [
  { key: 'sampling', title: 'Sampling', summary: 'How candidates are drawn.' },
  {
    key: 'score',
    title: 'Score',
    summary: 'How much an image and its prompt tell about each other, as the model sees it.',
  },
  { key: 'selection', title: 'Selection', summary: 'How many are drawn and how many are kept.' },
  { key: 'adapter', title: 'Adapter', summary: 'The small set of weights that is trained.' },
  { key: 'training', title: 'Training', summary: 'How the adapter learns from the selected images.' },
];

export function fieldOf(path: FieldPath): Field {
  return FIELDS[path];
}

export function pathsOf(group: keyof Settings): readonly FieldPath[] {
  return FIELD_PATHS.filter((path) => path.startsWith(`${group}.`));
}

export function getField(settings: Settings, path: FieldPath): FieldValue {
  const [group, name] = splitPath(path);
  return (settings[group] as Readonly<Record<string, FieldValue>>)[name] ?? null;
}

/** A copy of the settings with one value replaced. */
export function setField(settings: Settings, path: FieldPath, value: FieldValue): Settings {
  const [group, name] = splitPath(path);
  return { ...settings, [group]: { ...settings[group], [name]: value } };
}

/** The value as a person reads it. */
export function describeValue(path: FieldPath, value: FieldValue): string {
  const field = fieldOf(path);
  if (field.kind === 'switch') return value === true ? 'Yes' : 'No';
  if (field.kind === 'choice')
    return field.options.find((option) => option.value === value)?.label ?? String(value);
  if (value === null) return field.none ?? 'None';
  if (path === 'training.validationShare') return `${Math.round(Number(value) * 100)} %`;
  return field.unit === undefined || field.unit === 't' ? String(value) : `${value} ${field.unit}`;
}

function splitPath(path: FieldPath): [keyof Settings, string] {
  const dot = path.indexOf('.');
  return [path.slice(0, dot) as keyof Settings, path.slice(dot + 1)];
}

// docs/performance.md: what was measured, what a step takes on paper, what follows for GPUs that nobody had at hand, and what
// is still to be measured.

import { earlyStopOf } from '../../src/contract/earlyStop.ts';
import { presetSettings } from '../../src/contract/presets.ts';
import type { BenchRow } from './bench.ts';

/** One file that `--json` wrote. */
export type BenchFile = {
  readonly backend: {
    readonly name: string;
    readonly adapter?: { readonly vendor: string; readonly architecture: string; readonly software: boolean };
  };
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly browser: string;
    readonly date: string;
  };
  readonly rows: readonly BenchRow[];
};

/** GPUs on paper: multiply-adds count as two operations; bytes a second of memory. */
const DEVICES = [
  { name: 'integrated', flops: 0.5e12, bytes: 5e10 },
  { name: 'laptop', flops: 5e12, bytes: 2.5e11 },
  { name: 'desktop', flops: 2e13, bytes: 7e11 },
  { name: 'H100 (f32)', flops: 6.7e13, bytes: 3.35e12 },
] as const;

/** What products of this kind reach of a GPU's peak elsewhere, and what a dispatch costs beside its work. */
const SHARE_OF_PEAK = 0.5;
const DISPATCH_SECONDS = 5e-6;

/** The paper's pool: prompts, candidates of each, steps, each a guided pair. */
const POOL = { prompts: 700, candidates: 50, steps: 100 } as const;
const { steps: STOPPED_AFTER, goOn: GO_ON } = earlyStopOf(
  { selection: { ...presetSettings('paper').selection, candidates: POOL.candidates, earlyStop: true } },
  POOL.steps,
) ?? { steps: POOL.steps, goOn: POOL.candidates };
/** Share of the steps that early stopping leaves, where no prompt is held out. */
const EARLY_STOPPING = 1 - (1 - GO_ON / POOL.candidates) * (1 - STOPPED_AFTER / POOL.steps);

type Work = { readonly dispatches: number; readonly flops: number; readonly bytes: number };

/** @param files what was measured; the rows of the suite `work` are among them */
export function report(files: readonly BenchFile[]): string {
  const work = files.flatMap(({ rows }) => rows.filter(({ suite }) => suite === 'work'));
  const steps = [...new Set(work.map(({ title }) => title))];
  return [
    '# Performance',
    '',
    'Written by `npm run bench -- report FILE...` from the files that `npm run bench -- SUITE --json FILE` writes.',
    '',
    ...before(),
    '## What a step takes on paper',
    '',
    'The real code on a device that computes nothing. Every buffer that a dispatch binds counts once; weights are halves.',
    '',
    ...steps.flatMap((title) => paperTable(title, workOf(work, title))),
    '## What follows for GPUs that were not at hand',
    '',
    `Each kernel takes the longer of its operations at ${percent(SHARE_OF_PEAK)} of the peak and its bytes at the memory’s speed, and ` +
      `${1e6 * DISPATCH_SECONDS} us for each dispatch. Nothing of it was measured. Hours are those of the paper’s pool, ` +
      `${POOL.prompts} prompts x ${POOL.candidates} candidates x ${POOL.steps} steps; with early stopping ` +
      `${POOL.candidates - GO_ON} of the ${POOL.candidates} are given up after ${STOPPED_AFTER} steps.`,
    '',
    ...roofline(steps.map((title) => [title, workOf(work, title)])),
    '## Measured',
    '',
    'Of repeats on a machine that did other things beside, the fastest tells more than the median.',
    '',
    ...(files.some(hasMeasurements) ? files.flatMap(measured) : ['Nothing yet with these kernels.', '']),
    ...SOFTWARE,
    ...FORECAST,
    '## Still to be measured on a GPU',
    '',
    ...OPEN.map((line) => `- ${line}`),
    '',
  ].join('\n');
}

/** Figures of the version before register tiles, replay and fused layers, on one H100 (Chromium 156, Vulkan). */
function before(): string[] {
  return [
    '## Before: one H100, Chromium 156, the kernels with 4 x 4 values of a thread',
    '',
    '| SD-2.1, 512 x 512, one guided step | ms |',
    '| --- | ---: |',
    '| this page | 229 |',
    '| PyTorch fp32 without TF32, batch 2 | 68 |',
    '| PyTorch TF32 | 25 |',
    '| PyTorch fp16 | 19 |',
    '',
    'Encoding two prompts 14.6 s, a training step of one sample 4.0 s, decoding one image 4.3 s, loading 20 s, all with their',
    'pipelines; the shapes UNet 10 ms at batch 2 (5.6 ms of GPU time in 191 dispatches) and 18 ms at batch 8. The paper’s pool',
    'would take 220 hours.',
    '',
  ];
}

function workOf(rows: readonly BenchRow[], title: string): ReadonlyMap<string, Work> {
  const kernels = new Map<string, Work>();
  for (const row of rows) {
    if (row.title !== title) continue;
    const [kernel, what] = row.variant.split(': ') as [string, string];
    const old = kernels.get(kernel) ?? { dispatches: 0, flops: 0, bytes: 0 };
    if (what === 'dispatches') kernels.set(kernel, { ...old, dispatches: row.value });
    if (what === 'GFLOP') kernels.set(kernel, { ...old, flops: 1e9 * row.value });
    if (what === 'MB') kernels.set(kernel, { ...old, bytes: 1e6 * row.value });
  }
  return kernels;
}

function paperTable(title: string, kernels: ReadonlyMap<string, Work>): string[] {
  const lines = [...kernels].map(
    ([name, { dispatches, flops, bytes }]) =>
      `| ${name.replaceAll('_', ' ')} | ${dispatches} | ${rounded(flops / 1e9)} | ${rounded(bytes / 1e6)} | ${rounded(flops / bytes)} |`,
  );
  return [
    `### ${title}`,
    '',
    '| kernel | dispatches | GFLOP | MB | FLOP per byte |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...lines,
    '',
  ];
}

/** Seconds of a step, kernel by kernel. */
function seconds(kernels: ReadonlyMap<string, Work>, { flops, bytes }: (typeof DEVICES)[number]): number {
  let sum = 0;
  for (const [name, work] of kernels) {
    if (name === 'all') continue;
    sum += Math.max(work.flops / (SHARE_OF_PEAK * flops), work.bytes / bytes);
    sum += work.dispatches * DISPATCH_SECONDS;
  }
  return sum;
}

function roofline(steps: readonly (readonly [string, ReadonlyMap<string, Work>])[]): string[] {
  const lines = steps.flatMap(([title, kernels]) =>
    DEVICES.map((device) => {
      const step = seconds(kernels, device);
      const candidates = Number(/step of (\d+)/.exec(title)?.[1] ?? 1);
      const hours = (POOL.prompts * POOL.candidates * POOL.steps * step) / candidates / 3600;
      return `| ${title} | ${device.name} | ${rounded(1000 * step)} | ${rounded(hours)} | ${rounded(EARLY_STOPPING * hours)} |`;
    }),
  );
  return [
    '| step | GPU | ms | hours of the pool | with early stopping |',
    '| --- | --- | ---: | ---: | ---: |',
    ...lines,
    '',
  ];
}

function hasMeasurements({ rows }: BenchFile): boolean {
  return rows.some(({ suite }) => suite !== 'work');
}

function measured(file: BenchFile): string[] {
  if (!hasMeasurements(file)) return [];
  const { backend, machine, rows } = file;
  const shown = rows.filter(({ suite }) => suite !== 'work');
  const { adapter } = backend;
  const gpu =
    adapter === undefined
      ? ''
      : `, ${adapter.vendor} ${adapter.architecture}${adapter.software ? ' (a program that plays a GPU: ratios only)' : ''}`;
  const lines = shown.map(
    ({ suite, title, variant, value, unit, range, ratio }) =>
      `| ${suite} | ${title} | ${variant} | ${rounded(value)} ${unit} | ${range === null ? '' : `${rounded(range[0])} ${unit}`} | ${ratio === null ? '' : `${ratio.toFixed(2)}x`} |`,
  );
  return [
    `### ${backend.name}${gpu}; Chromium ${machine.browser}; ${machine.cores} x ${machine.cpu}; ${machine.date.slice(0, 10)}`,
    '',
    '| suite | what | variant | median | fastest | times faster |',
    '| --- | --- | --- | ---: | ---: | ---: |',
    ...lines,
    '',
  ];
}

/** Two versions beside each other are no suite: measured once, with a server of each and a page of each in turn. */
const SOFTWARE = [
  '### SwiftShader, before and after register tiles, replay and fused layers',
  '',
  'Processor time of the browser for a guided step of two candidates of the shapes model, both versions in turn (the',
  'machine was shared, so that no clock would tell): 643 ms before and 630 after on paths of 4 steps, 579 and 583 on paths of 24',
  '(there with one evaluation a path in vain, which is gone). The forms that software adapters take by themselves, `registers`, are the',
  'fastest there but for `subgroups`, which takes 0.5 to 0.8 of the time of a product and as much of a whole step as they do.',
  '',
];

/** No suite either: whole runs on the page, beside what its plan had said. */
const FORECAST = [
  '### What the plan says of a first run, beside what the run took',
  '',
  'The built-in model on wasm, before anything was drawn with it: seconds of one core, by the processor time of the browser on a',
  'machine with other work (load 8 to 15 on two cores), kernels timed once under that load. Each as forecast / taken.',
  '',
  '| run | drawing | training | evaluation | all |',
  '| --- | ---: | ---: | ---: | ---: |',
  '| demo preset, 10 prompts, 40 steps of training | 16.6 / 18.2 | 4.9 / 5.0 | 6.0 / 5.2 | 0.97 |',
  '| batch 2, 50 steps, 60 of training with LoRA of rank 4 | 12.4 / 14.0 | 5.5 / 5.4 | 5.7 / 4.5 | 0.98 |',
  '| DDIM with 20 steps, batch 8, 25 of training on 12 images | 7.2 / 8.0 | 5.4 / 5.4 | 2.4 / 2.3 | 0.96 |',
  '',
];

/** Goals whose numbers need a card; `tools/bench/gpu.sh` takes them all. */
const OPEN = [
  'a guided step of SD-2.1 beside PyTorch fp32, TF32 and fp16 on the same card',
  'TFLOP/s of every form of products and attention at the sizes of the networks, and with it which forms stay',
  'the time of the start-up choice, and whether its forms are the fastest in whole steps',
  'the shapes UNet at batch 2, 8 and 64 with replayed steps, and its job beside wasm',
  'a DoRA step with recomputed stages at batch 1 and 4 beside PyTorch fp32',
  'encoding, decoding at 512 x 512, loading from storage, start to first step with pipelines compiled ahead',
  'onnxruntime-web on WebGPU, float32 and halves, with the same weights',
  'matrix units (`chromium-experimental-subgroup-matrix`): no form for them is built. SwiftShader does not offer them, so that no ' +
    'number of such a form could be held against the oracle before it runs on a card; operands in halves round where this ' +
    'program’s scores are differences (decision 3), so that first both forms’ rankings have to agree with tau above 0.99',
  'whether the hours above hold within a quarter where they were counted on paper',
];

function percent(share: number): string {
  return `${Math.round(100 * share)}%`;
}

function rounded(value: number): string {
  if (value === 0) return '0';
  return Number.isInteger(value) && Math.abs(value) < 1e6
    ? String(value)
    : String(Number(value.toPrecision(3)));
}

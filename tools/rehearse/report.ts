// What a rehearsal found, as JSON, as a table in the terminal and as a page of documentation.

import type { PhaseMetrics } from './meters.ts';
import { PHASES, type PhaseName, type RehearseOptions } from './options.ts';

type Check = { readonly name: string; readonly ok: boolean };
/** What a phase found out. */
export type PhaseOutcome = {
  readonly facts: Readonly<Record<string, string | number>>;
  readonly checks: readonly Check[];
};
export type PhaseRecord = PhaseOutcome & { readonly metrics: PhaseMetrics; readonly at: string };

export type Report = {
  readonly options: Pick<RehearseOptions, 'model' | 'backend' | 'latents' | 'timesteps' | 'steps' | 'rank'>;
  readonly app: string;
  readonly browser: string;
  readonly adapter: string;
  readonly machine: string;
  readonly phases: Readonly<Partial<Record<PhaseName, PhaseRecord>>>;
};

const MEANING: Readonly<Record<PhaseName, string>> = {
  write: 'model folder of seeded weights written',
  download: 'downloaded, with a cut connection and a reload',
  plan: 'load plans computed',
  load: 'model loaded',
  encode: 'two prompts encoded',
  unet: 'UNet evaluated with both contexts at each timestep',
  generate: 'image drawn with guidance, MI scored and selected',
  train: 'one optimizer step of the adapter, from that image',
  decode: 'latent decoded',
  export: 'adapter exported',
};

const HEADER = [
  'phase',
  'what',
  'seconds',
  'GPU peak MB',
  'GPU after MB',
  'dispatches',
  'tab MB',
  'GPU process MB',
];

/** One row for each phase that is done. */
function rows(report: Report): readonly (readonly string[])[] {
  return done(report).map(([name, { metrics }]) => [
    name,
    MEANING[name],
    metrics.seconds.toFixed(1),
    megabytes(metrics.gpuPeakBytes),
    megabytes(metrics.gpuBytes),
    metrics.dispatches === null ? '' : metrics.dispatches.toLocaleString('en'),
    megabytes(metrics.tabPeakBytes),
    megabytes(metrics.gpuProcessPeakBytes),
  ]);
}

/** Columns padded for the terminal. */
export function terminalTable(report: Report): string {
  const lines = [HEADER, ...rows(report)].map((row) => row.filter((_, i) => i !== 1));
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function failedChecks(report: Report): readonly string[] {
  return done(report).flatMap(([name, { checks }]) =>
    checks.filter((c) => !c.ok).map((c) => `${name}: ${c.name}`),
  );
}

export function markdown(report: Report): string {
  const { options } = report;
  const table = [HEADER, HEADER.map((_, i) => (i < 2 ? '---' : '--:')), ...rows(report)];
  const working = done(report).filter(([name]) => name !== 'plan');
  const peak = Math.max(0, ...working.map(([, { metrics }]) => metrics.gpuPeakBytes ?? 0));
  const findings = done(report).flatMap(([name, { facts, checks }]) => [
    `- **${name}**: ${Object.entries(facts)
      .filter(([key]) => key !== 'file')
      .map(
        ([key, value]) =>
          `${key} ${typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 6 }) : value}`,
      )
      .join('; ')}`,
    ...checks.map((check) => `  - ${check.ok ? 'passed' : '**failed**'}: ${check.name}`),
  ]);
  return `# Rehearsal at full size

Written by \`npm run rehearse\`. A model folder with the names, shapes and configs of Stable Diffusion 2.1 base and seeded
weights (formula: \`tools/rehearse/seededWeights.ts\`) goes through the real page from download to exported adapter.
Latents are ${options.latents} x ${options.latents}, since there was no GPU: seconds tell nothing about one, bytes of weights and dispatches do.

- Machine: ${report.machine}
- Browser: ${report.browser}; ${report.adapter}
- Sampling: ${options.steps} steps, guidance 7.5; adapter: DoRA of rank ${options.rank}
- Largest GPU memory of the phases that work with the model: ${megabytes(peak)} MB

${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}

GPU MB counts every buffer of the device, pooled ones too, in 10^6 bytes; planning really creates the planned buffers, as
a trial, up to those of training at the model's own size. Dispatches include those of tfjs itself. The last
two columns are resident memory of the tab's process and of the browser's GPU process; with a software GPU the latter
holds the buffers.

## Findings

${findings.join('\n')}

The UNet's outputs are in \`unet-outputs.safetensors\`; \`tools/rehearse/reference.py\` computes them with PyTorch and
compares.
`;
}

function done(report: Report): (readonly [PhaseName, PhaseRecord])[] {
  return PHASES.flatMap((name) => {
    const record = report.phases[name];
    return record === undefined ? [] : [[name, record] as const];
  });
}

function megabytes(bytes: number | null): string {
  return bytes === null ? '' : Math.round(bytes / 1e6).toLocaleString('en');
}

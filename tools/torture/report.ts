// docs/reliability.md from what the phases have written.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEEDS } from './deeds.ts';
import { FAULTS, type FaultCase } from './faults.ts';
import type { KillCase } from './kills.ts';
import { LAGS, type Lag } from './losses.ts';
import type { MigrationCase } from './migrationCuts.ts';
import type { CutCase, FullCase } from './powerCuts.ts';
import type { SoakRow } from './soak.ts';
import type { StoreCase } from './storeCuts.ts';
import { FIGURES, FOUND, NOT_PROMISED, OTHERS } from './texts.ts';

/** Where each phase keeps its cases. */
export type Files = Readonly<
  Record<'store' | 'migration' | 'real' | 'cuts' | 'full' | 'kills' | 'faults' | 'soak', string>
>;

/** What `npm run fuzz` has done with one seed. */
type Fuzzed = {
  readonly seed: number;
  readonly done: Readonly<Record<string, number>>;
  readonly faults: readonly unknown[];
};

/** @param fuzzed folder that `npm run fuzz` keeps what it has done in */
export function writeReport(files: Files, fuzzed: string, out: string): void {
  const cuts = readRows<CutCase>(files.cuts);
  const kills = readRows<KillCase>(files.kills);
  const rows = readRows<SoakRow>(files.soak);
  const sections = [
    '# Reliability',
    'Written by `npm run torture`, which is seeded and goes on where it stopped. A run counts as kept when, after whatever ' +
      'was done to it, it comes to the same candidates, scores, selection, training record and adapter, to the last bit, ' +
      'as one that nothing happened to.',
    FIGURES,
    '## Power cuts under the store',
    'A run without networks, whose every number follows from its place, over a disk in memory. After every cut all that ' +
      'is read is right or absent, never wrong; while both stores are honest nothing that was acknowledged is missing; ' +
      'and the run comes to its end.',
    storeTable(readRows<StoreCase>(files.store)),
    '## Power cuts under the browser’s own stores',
    'The same in a headless Chromium: what is read comes from IndexedDB and the origin private file system. After a cut ' +
      'they are given what a disk that loses power would have left of what was written to them.',
    storeTable(readRows<StoreCase>(files.real)),
    '## Power cuts while runs of the first version are brought up to date',
    migrationText(readRows<MigrationCase>(files.migration)),
    '## Power cuts under the whole run',
    'The real stages of a run on a tiny model, in node, over a disk in memory. The power goes at a random operation, up to ' +
      'twenty times in one run, also while it recovers. Of what was not flushed any part is missing, in any order, with ' +
      'whole sectors absent, zero or with flipped bits; and in all but the first row a store has lost up to six changes ' +
      'that it had acknowledged, or all of its database.',
    cutTable(cuts),
    '## A full disk',
    fullText(readRows<FullCase>(files.full)),
    '## Kills',
    'The page as users get it in a headless Chromium, the built-in model on wasm. Processes are ended without a word ' +
      '(SIGKILL), and engines in the middle of their work, up to sixteen times in one case, at random moments or within ' +
      '50 ms after something was stored.',
    killTable(kills),
    '## What else befalls a page',
    'The same page with a run, at random moments. It comes to the same end as undisturbed, or, where everything was ' +
      'cleared, says so and the next run does; another version of the page can neither work on the run nor delete it while ' +
      'the first one does, and then goes on with it.',
    faultTable(readRows<FaultCase>(files.faults)),
    '## Hostile input',
    fuzzText(fuzzed),
    '## Hours in one tab',
    soakTable(rows),
    '## Found and mended',
    FOUND.map((line) => `- ${line}`).join('\n'),
    '## Not promised',
    NOT_PROMISED.map((line) => `- ${line}`).join('\n'),
    '## What others promise',
    table(['program', 'what it promises', 'and this page'], OTHERS),
  ];
  writeFileSync(out, `${sections.join('\n\n')}\n`);
}

const LAG_NAMES: Readonly<Record<Lag, string>> = {
  none: 'both stores honest',
  records: 'database behind',
  files: 'files behind',
  both: 'both behind',
  emptied: 'database emptied',
};

function storeTable(cases: readonly StoreCase[]): string {
  const rows = [...LAGS, null].map((lag) => {
    const own = cases.filter((c) => lag === null || c.lag === lag);
    const cuts = own.reduce((sum, c) => sum + c.cuts, 0);
    const failed = own.filter((c) => c.reason !== null).length;
    return [lag === null ? '**all**' : LAG_NAMES[lag], String(own.length), String(cuts), String(failed)];
  });
  return `${table(['what the disk did', 'runs', 'cuts', 'failed'], rows)}\n\nSeeds 0 to ${Math.max(0, cases.length - 1)}.${failures(cases)}`;
}

function cutTable(cases: readonly CutCase[]): string {
  const rows = [...LAGS, null].map((lag) => {
    const own = cases.filter((c) => lag === null || c.lag === lag);
    const of = (result: CutCase['result']): string => String(own.filter((c) => c.result === result).length);
    const cuts = own.reduce((sum, c) => sum + c.cuts, 0);
    const name = lag === null ? '**all**' : LAG_NAMES[lag];
    return [name, String(own.length), String(cuts), of('same'), of('gone'), of('failed')];
  });
  const stages = new Map<string, number>();
  for (const stage of cases.flatMap((c) => c.stages)) stages.set(stage, (stages.get(stage) ?? 0) + 1);
  const found = [...stages].map(([stage, count]) => `${stage} ${count}`).join(', ');
  return (
    table(['what the disk did', 'runs', 'cuts', 'same end', 'gone with its first changes', 'failed'], rows) +
    `\n\nSeeds 0 to ${Math.max(0, cases.length - 1)}. Stage in which the run was found again: ${found}.${failures(cases)}`
  );
}

function migrationText(cases: readonly MigrationCase[]): string {
  const cuts = cases.reduce((sum, c) => sum + c.cuts, 0);
  const failed = cases.filter((c) => c.reason !== null).length;
  return (
    `${cases.length} runs, ${cuts} cuts, up to five in a row while it is done again, over a disk in memory that loses what ` +
    `was not flushed: ${failed} opened with something missing. Seeds 0 to ${Math.max(0, cases.length - 1)}.${failures(cases)}`
  );
}

function fullText(cases: readonly FullCase[]): string {
  if (cases.length === 0) return 'Not measured yet.';
  const failed = cases.filter((c) => c.reason !== null).length;
  return (
    `The same run on a disk that is full from one write on, for each of its first ${cases.length} writes: it says so, stops, ` +
    `and comes to the same end once there is room; ${failed} failed.${failures(cases)}`
  );
}

function killTable(cases: readonly KillCase[]): string {
  const line = (name: string, own: readonly KillCase[]): string[] => {
    const of = (count: (c: KillCase) => number): string => String(own.reduce((sum, c) => sum + count(c), 0));
    const failed = of((c) => Number(c.result === 'failed'));
    return [
      name,
      String(own.length),
      of((c) => c.kills.tree),
      of((c) => c.kills.renderer),
      of((c) => c.kills.worker),
      of((c) => c.kills.gpu),
      of((c) => c.aimed),
      of((c) => Number(c.result === 'same')),
      failed,
    ];
  };
  const rows = DEEDS.map(({ name }) =>
    line(
      name,
      cases.filter((c) => c.deed === name),
    ),
  );
  const head = [
    'in the middle of',
    'cases',
    'kills of the browser',
    'of the page and its engine',
    'of the engine alone',
    'of the GPU process',
    'of these aimed',
    'same end',
    'failed',
  ];
  const kills = cases.flatMap((c) => Object.values(c.kills)).reduce((sum, count) => sum + count, 0);
  return (
    `${table(head, [...rows, line('**all**', cases)])}\n\n` +
    `${kills} kills in all. Seeds 0 to ${Math.max(0, cases.length - 1)}.${failures(cases)}`
  );
}

function faultTable(cases: readonly FaultCase[]): string {
  const rows = FAULTS.map(({ name }) => {
    const own = cases.filter((c) => c.fault === name);
    const failed = own.filter((c) => c.reason !== null).length;
    return [name, String(own.length), String(failed)];
  });
  return `${table(['what happens', 'runs', 'failed'], rows)}\n\nSeeds 0 to ${Math.max(0, cases.length - 1)}.${failures(cases)}`;
}

function fuzzText(folder: string): string {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  const states = names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Fuzzed);
  if (states.length === 0) return 'Not measured yet.';
  const perParser = new Map<string, number>();
  for (const { done } of states)
    for (const [parser, count] of Object.entries(done))
      perParser.set(parser, (perParser.get(parser) ?? 0) + count);
  const counts = [...perParser.values()].filter((count) => count > 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const faults = states.reduce((sum, state) => sum + state.faults.length, 0);
  return (
    `\`npm run fuzz\`: ${total.toLocaleString('en')} cases over ${counts.length} parsers, ` +
    `${Math.min(...counts).toLocaleString('en')} or more of each, in at most 500 ms and 256 MB each: ${faults} faults. ` +
    `Seeds ${states.map(({ seed }) => seed).join(', ')}. Every input that ever failed is in \`tests/corpus\` and tried by \`npm test\`.`
  );
}

function soakTable(rows: readonly SoakRow[]): string {
  const [first, last] = [rows[Math.min(2, rows.length - 1)], rows.at(-1)];
  if (first === undefined || last === undefined) return 'Not measured yet.';
  const line = (name: string, of: (row: SoakRow) => number): string[] => [
    name,
    String(of(first)),
    String(of(last)),
  ];
  const same = new Set(rows.map((row) => row.outcome)).size === 1;
  return (
    `${rows.length} runs of the built-in model through the page, each looked at on every page and deleted. ` +
    `Their numbers are ${same ? 'the same in all of them, to the last bit' : '**not the same**'}. ` +
    'What the heap grows by is machine code, which the browser makes of whatever is called often, and its own lists of what took how long, which are limited.\n\n' +
    table(
      ['after garbage collection', `after run ${first.run + 1}`, `after run ${last.run + 1}`],
      [
        line('tensors', (row) => row.tensors),
        line('JavaScript heap of the page, MB', (row) => Math.round(row.heapBytes / 1e5) / 10),
        line('of it what scripts made: objects, texts, functions, KB', (row) =>
          Math.round(row.madeBytes / 1e3),
        ),
        line('DOM nodes, attached or not', (row) => row.nodes),
        line('event listeners', (row) => row.listeners),
        line('stored files', (row) => row.files),
        line('stored records', (row) => row.records),
      ],
    )
  );
}

function failures(cases: readonly { readonly seed: number; readonly reason: string | null }[]): string {
  const failed = cases.filter((c) => c.reason !== null).slice(0, 20);
  if (failed.length === 0) return '';
  return `\n\nFailed:\n\n${failed.map(({ seed, reason }) => `- seed ${seed}: ${reason}`).join('\n')}`;
}

function readRows<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

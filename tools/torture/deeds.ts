// What the page is doing when it is killed. Each can be begun again after a restart, goes on from what is stored, and
// comes to an outcome that is compared with that of a page that nothing happened to.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright';
import type { MiTuneSpec } from '../../src/contract/spec.ts';
import { TINY_RUN } from '../../tests/helpers/studioPage.ts';

export type Deed = {
  readonly name: string;
  /** Makes what it works on, undisturbed. @returns identifiers, which `begin` and `outcome` are given */
  prepare(page: Page): Promise<readonly string[]>;
  /** Lets the engine work in the background, by `window.tortures`. */
  begin(page: Page, ids: readonly string[]): Promise<void>;
  /** Everything that it is for, as text; begun to the end before. */
  outcome(page: Page, ids: readonly string[]): Promise<string>;
};

/** As little to compute as has everything in it that a run stores. */
const SHORT: MiTuneSpec = {
  ...TINY_RUN,
  sampling: { ...TINY_RUN.sampling, steps: 2, batch: 2 },
  selection: { ...TINY_RUN.selection, candidates: 2 },
};
const TWO_ROUNDS: MiTuneSpec = { ...SHORT, selection: { ...SHORT.selection, rounds: 2 } };
const QUEUED = 3;

export const DEEDS: readonly Deed[] = [
  { name: 'run', prepare: (page) => create(page, [SHORT]), begin: work, outcome: outcomesOf },
  { name: 'two rounds', prepare: (page) => create(page, [TWO_ROUNDS]), begin: work, outcome: outcomesOf },
  {
    name: 'several runs',
    prepare: (page) =>
      create(
        page,
        Array.from({ length: QUEUED }, (_, seed) => ({ ...SHORT, seed })),
      ),
    begin: work,
    outcome: outcomesOf,
  },
  { name: 'download', prepare: async () => [], begin: download, outcome: modelOutcome },
  { name: 'import', prepare: async () => [], begin: importModel, outcome: modelOutcome },
  { name: 'export', prepare: prepareExport, begin: exportAll, outcome: exportOutcome },
  { name: 'migration', prepare: seedVersion1, begin: open, outcome: migratedOutcome },
];

type Scope = Window & {
  /** Works, and tells in `tortured` how it ended: `done`, or the reason of a failure. */
  tortures(work: () => Promise<unknown>): void;
  tortured?: string;
  made?: unknown;
  tortureEvent?: (type: string) => void;
};

/** To be run in every page before its own scripts. */
export function offerTorture(): void {
  const scope = window as unknown as Scope;
  scope.tortures = (work) => {
    scope.tortured = '';
    work().then(
      () => {
        scope.tortured = 'done';
      },
      (error: unknown) => {
        scope.tortured = String(error);
      },
    );
  };
}

async function create(page: Page, specs: readonly MiTuneSpec[]): Promise<readonly string[]> {
  return page.evaluate(async (all) => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const ids: string[] = [];
    for (const spec of all) ids.push((await studio.call('createRun', { spec, name: 'torture' })).id);
    return ids;
  }, specs);
}

/** One run after the other, as a queue works them off. */
async function work(page: Page, ids: readonly string[]): Promise<void> {
  await page.evaluate((runIds) => {
    const scope = window as unknown as Scope;
    const studio = scope.miTune as NonNullable<Window['miTune']>;
    studio.onEvent((_, event) => scope.tortureEvent?.(event.type));
    scope.tortures(async () => {
      for (const runId of runIds) await studio.call('run', { runId, until: 'done' });
    });
  }, ids);
}

async function outcomesOf(page: Page, ids: readonly string[]): Promise<string> {
  const text = await page.evaluate(async (runIds) => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const all: unknown[] = [];
    for (const runId of runIds) {
      const { candidates, selections, train, validation, evaluations } = await studio.call('runState', {
        runId,
      });
      const { bytes } = await studio.call('exportAdapter', { runId, which: 'best' });
      all.push({ candidates, selections, train, validation, evaluations, adapter: [...bytes] });
    }
    return JSON.stringify(all);
  }, ids);
  return hashOf(text);
}

async function download(page: Page): Promise<void> {
  await page.evaluate(() => {
    const scope = window as unknown as Scope;
    const studio = scope.miTune as NonNullable<Window['miTune']>;
    const url = new URL('models/shapes-2/', location.href).href;
    scope.tortures(() => studio.call('downloadModel', { source: { kind: 'url', url }, token: null }));
  });
}

async function importModel(page: Page): Promise<void> {
  await page.evaluate(() => {
    const scope = window as unknown as Scope;
    const studio = scope.miTune as NonNullable<Window['miTune']>;
    const paths = [
      'unet/config.json',
      'unet/diffusion_pytorch_model.safetensors',
      'vae/config.json',
      'vae/diffusion_pytorch_model.safetensors',
      'text_encoder/config.json',
      'text_encoder/model.safetensors',
      'tokenizer/vocab.json',
      'tokenizer/merges.txt',
      'tokenizer/tokenizer_config.json',
      'scheduler/scheduler_config.json',
      'model_index.json',
    ];
    scope.tortures(async () => {
      const files = await Promise.all(
        paths.map(async (path) => ({
          path,
          file: await (await fetch(new URL(`models/shapes-2/${path}`, location.href))).blob(),
        })),
      );
      await studio.call('importModel', { name: 'torture', files });
    });
  });
}

/**
 * The newest model is whole and has its bytes; what was cut off is listed, and once all that is listed was deleted nothing
 * takes up room.
 */
async function modelOutcome(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const list = await studio.call('stored', {});
    const whole = list.models.find(({ complete }) => complete);
    if (whole === undefined) return 'no model';
    const { ok } = await studio.call('verifyStored', { kind: 'model', id: whole.id });
    await studio.call('loadModel', { ref: { kind: 'local', id: whole.id } });
    const hashes = await studio.call('modelHashes', { runId: null });
    await studio.call('loadModel', { ref: { kind: 'url', base: 'models/shapes-2/' } });
    for (const { kind, id } of [...list.models, ...list.leftovers])
      await studio.call('deleteStored', { kind, id });
    const names: string[] = [];
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('models');
    for await (const name of folder.keys()) names.push(name);
    return JSON.stringify([ok, Object.entries(hashes).sort(), names]);
  });
}

async function prepareExport(page: Page): Promise<readonly string[]> {
  const ids = await create(page, [SHORT]);
  await page.evaluate(async (runId) => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    await studio.call('run', { runId, until: 'done' });
  }, ids[0] as string);
  return ids;
}

async function exportAll(page: Page, [runId]: readonly string[]): Promise<void> {
  await page.evaluate((id) => {
    const scope = window as unknown as Scope;
    const studio = scope.miTune as NonNullable<Window['miTune']>;
    scope.tortures(async () => {
      const hash = async (bytes: BufferSource): Promise<string> =>
        [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].join(' ');
      const merged = await studio.call('exportFile', { adapter: `run:${id}`, format: 'merged' });
      const { file } = await studio.call('exportFile', { adapter: `run:${id}`, format: 'kohya' });
      const { bytes } = await studio.call('exportSet', { runId: id, round: 0 });
      // Zip archives hold the time of day.
      scope.made = [merged.file.size, await hash(await file.arrayBuffer()), bytes.byteLength];
    });
  }, runId as string);
}

async function exportOutcome(page: Page, ids: readonly string[]): Promise<string> {
  return `${await page.evaluate(() => JSON.stringify((window as unknown as Scope).made))} ${await outcomesOf(page, ids)}`;
}

type Version1 = {
  readonly runs: Readonly<
    Record<
      string,
      {
        readonly id: string;
        readonly records: [string, unknown][];
        readonly files: [string, string][];
      }
    >
  >;
};

/** A run as the first version of the page stored it, in the middle of its training. */
async function seedVersion1(page: Page): Promise<readonly string[]> {
  const { runs } = JSON.parse(readFileSync('tests/golden/runsOfVersion1.json', 'utf8')) as Version1;
  const run = runs.training;
  if (run === undefined) throw new Error('no run of version 1');
  await page.evaluate(async ({ id, records, files }) => {
    const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
      Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    // Arrays and numbers that JSON has no word for.
    const revive = (value: unknown): unknown => {
      if (typeof value !== 'object' || value === null) return value;
      if (Array.isArray(value)) return value.map(revive);
      if ('$f32' in value) return new Float32Array(bytesOf(String(value.$f32)).buffer);
      if ('$number' in value) return Number(value.$number);
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item)]));
    };
    let folder = await navigator.storage.getDirectory();
    for (const name of ['runs', id]) folder = await folder.getDirectoryHandle(name, { create: true });
    for (const [name, text] of files) {
      const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
      await stream.write(bytesOf(text));
      await stream.close();
    }
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.open('mi-tune');
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const transaction = request.result.transaction('records', 'readwrite', { durability: 'strict' });
        for (const [key, value] of records) transaction.objectStore('records').put(revive(value), key);
        transaction.onerror = () => reject(transaction.error);
        transaction.oncomplete = () => {
          request.result.close();
          resolve();
        };
      };
    });
  }, run);
  return [run.id];
}

async function open(page: Page, [runId]: readonly string[]): Promise<void> {
  await page.evaluate((id) => {
    const scope = window as unknown as Scope;
    const studio = scope.miTune as NonNullable<Window['miTune']>;
    scope.tortures(() => studio.call('runState', { runId: id }));
  }, runId as string);
}

async function migratedOutcome(page: Page, [runId]: readonly string[]): Promise<string> {
  return page.evaluate(async (id) => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const { candidates, selections, train, validation, warnings } = await studio.call('runState', {
      runId: id,
    });
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
    const files: string[] = [];
    for await (const name of (await folder.getDirectoryHandle(id)).keys()) files.push(name);
    return JSON.stringify([candidates, selections, train, validation, warnings, files.sort()]);
  }, runId as string);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

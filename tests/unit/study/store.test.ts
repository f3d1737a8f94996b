import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toBase64 } from '../../../tools/study/base64.ts';
import type { PageRequest, PageResult, TrainResult } from '../../../tools/study/protocol.ts';
import { runSteps } from '../../../tools/study/runner.ts';
import { NO_COST, type Step } from '../../../tools/study/steps.ts';
import { lockFolder, openStore, readStore } from '../../../tools/study/store.ts';

const manifest = { version: 1, model: 'abc', design: 'quick' } as const;
const real = (text: string): PageResult => ({ images: [{ text, latent: '' }] });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'study-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the store', () => {
  test('keeps whole lines and forgets a torn one', () => {
    const store = openStore(folder, manifest);
    store.add('a', real('one'), 1.25);
    store.add('b', real('two'), 2);
    appendFileSync(join(folder, 'records.jsonl'), '{"id":"c","seconds":1,"resu');
    expect(readStore(folder).size).toBe(2); // looking changes nothing
    const again = openStore(folder, manifest);
    again.add('d', real('four'), 1);
    expect(['a', 'b', 'c', 'd'].map((id) => readStore(folder).has(id))).toEqual([true, true, false, true]);
    expect(readStore(folder).seconds).toBe(4.25);
    expect(readStore(folder).read('b')).toEqual(real('two'));
  });

  test('keeps adapters as files and their names as the result', () => {
    const store = openStore(folder, manifest);
    const bytes = Uint8Array.from([0, 255, 3]);
    store.add('t', { losses: [1], adapters: [{ step: 5, file: toBase64(bytes) }] }, 1);
    const [adapter] = store.read<TrainResult>('t').adapters;
    expect(readdirSync(store.adapterFolder)).toEqual([adapter?.file]);
    expect([...readFileSync(join(store.adapterFolder, adapter?.file as string))]).toEqual([0, 255, 3]);
  });

  test('refuses numbers of another model', () => {
    openStore(folder, manifest);
    expect(() => openStore(folder, { ...manifest, model: 'xyz' })).toThrow(/another model/);
  });

  test('belongs to one process at a time, and to nobody after its end', () => {
    const unlock = lockFolder(folder);
    expect(() => lockFolder(folder)).not.toThrow(); // the same process
    unlock();
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  });
});

describe('the runner', () => {
  const step = (id: string, needs: readonly string[] = []): Step => ({
    id,
    part: '1',
    item: 'x',
    needs,
    cost: NO_COST,
    request: () => ({ kind: 'real', first: 0, count: Number(id.length) }),
  });
  const worker = (log: PageRequest[], fail = false) => ({
    run: async (request: PageRequest) => {
      log.push(request);
      if (fail) throw new Error('the page broke');
      return real('x');
    },
  });
  const options = { deadline: 10, now: () => 0, onDone: () => undefined };

  test('does what is missing, after what it needs', async () => {
    const store = openStore(folder, manifest);
    store.add('done', real('x'), 1);
    const done: string[] = [];
    const complete = await runSteps([step('late', ['first']), step('done'), step('first')], store, {
      ...options,
      workers: [worker([]), worker([])],
      onDone: ({ id }) => done.push(id),
    });
    expect(complete).toBe(true);
    expect(done).toEqual(['first', 'late']);
  });

  test('begins nothing after the deadline', async () => {
    const log: PageRequest[] = [];
    const store = openStore(folder, manifest);
    const workers = [worker(log)];
    expect(await runSteps([step('a')], store, { ...options, workers, deadline: 0 })).toBe(false);
    expect(log).toEqual([]);
  });

  test('ends where steps wait for what nobody does', async () => {
    const store = openStore(folder, manifest);
    expect(await runSteps([step('a', ['nothing'])], store, { ...options, workers: [worker([])] })).toBe(
      false,
    );
  });

  test('passes on what a page throws', async () => {
    const store = openStore(folder, manifest);
    const workers = [worker([], true)];
    await expect(runSteps([step('a')], store, { ...options, workers })).rejects.toThrow('the page broke');
  });
});

// Who holds a name: an engine whose page waits for it, one that is about to end, or one that never will.

import { afterEach, describe, expect, it } from 'vitest';
import { engineLock, lastingLocks, whileHeld } from '../../../src/storage/locks.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A worker that holds names as an engine does, and is ended by what it returns. */
async function engine(...names: readonly string[]): Promise<() => void> {
  const code = `Promise.all(${JSON.stringify(names)}.map((name) => new Promise((held) => {
    navigator.locks.request(name, () => { held(); return new Promise(() => undefined); });
  }))).then(() => postMessage('held'));`;
  const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
  const end = () => worker.terminate();
  ends.push(end);
  await new Promise((resolve) => {
    worker.onmessage = resolve;
  });
  return end;
}

/** The page waits for its engine as long as it lives itself. */
function waitFor(name: string): void {
  const gone = new AbortController();
  navigator.locks.request(name, { signal: gone.signal }, () => undefined).catch(() => undefined);
  ends.push(() => gone.abort());
}

const work = async () => 'done';

describe('a name', () => {
  it('that nobody holds is held at once', async () => {
    expect(await whileHeld('free', work)).toEqual({ value: 'done' });
  });

  it('of an engine with a page is refused', async () => {
    await engine(engineLock('a'), 'held');
    waitFor(engineLock('a'));
    expect(await lastingLocks()).toContain('held');
    expect(await whileHeld('held', work)).toBeNull();
  });

  it('of an engine without a page is held once that has ended', async () => {
    const end = await engine(engineLock('b'), 'leaving');
    expect(await lastingLocks()).not.toContain('leaving');
    const held = whileHeld('leaving', work, 600_000);
    end();
    expect(await held).toEqual({ value: 'done' });
  });

  it('of an engine that let go of its own name already is waited for too', async () => {
    const end = await engine('almost');
    const held = whileHeld('almost', work, 600_000);
    end();
    expect(await held).toEqual({ value: 'done' });
  });

  it('of an engine without a page that never ends is taken from it', async () => {
    await engine(engineLock('c'), 'stuck');
    expect(await whileHeld('stuck', work, 50)).toEqual({ value: 'done' });
  });

  it('is free again after work that failed', async () => {
    const failing = whileHeld('failed', () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await whileHeld('failed', work)).toEqual({ value: 'done' });
  });
});

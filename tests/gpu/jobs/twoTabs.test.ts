// What one tab works on, another one can look at, and neither delete nor change.

import { expect, it } from 'vitest';
import { EngineClient } from '../../../src/engine/client.ts';
import { openStudio } from './studio.ts';

it('a run that one engine works on is held against every other', async () => {
  const studio = await openStudio('wasm');
  const other = new EngineClient();
  // Not through before all is refused, however busy the machine is.
  const runId = await studio.create({ training: { iterations: 100_000 } });
  const refused: string[] = [];
  const keep = (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      () => refused.push('done'),
      (error: { code: string }) => refused.push(error.code),
    );
  let asking: Promise<unknown> | null = null;
  let isAsked = false;
  const ask = async (): Promise<void> => {
    await keep(other.call('deleteRun', { runId }));
    await keep(other.call('setSelection', { runId, round: 0, picks: [] }));
    await keep(other.call('run', { runId, until: 'done' }));
    await keep(other.call('recoverRun', { runId }));
    isAsked = true;
  };
  await studio.runUntilEvent(runId, (event) => {
    if (event.type === 'train' && event.record.step === 1) asking = ask();
    return isAsked;
  });
  await asking;
  expect(refused).toEqual(Array(4).fill('run-open-elsewhere'));
  expect((await studio.state(runId)).summary.status).toBe('paused');
  // Free again, it can be changed by whoever asks.
  await other.call('setSelection', { runId, round: 0, picks: [{ prompt: 0, candidate: 0 }] });
  other.dispose();
  await studio.dispose();
});

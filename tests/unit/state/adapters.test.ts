// The list of adapters, while the engine answers in its own time.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClientMessage } from '../../../src/contract/protocol.ts';
import { importAdapter, refreshAdapters, useAdapters } from '../../../src/state/adapters/adapters.ts';
import { disposeEngine } from '../../../src/state/page/engineClient.ts';

/** Answers to requests that wait, by the request's name. */
const answers = new Map<string, (value: unknown) => void>();

class Engine {
  onmessage: ((message: { data: unknown }) => void) | null = null;
  postMessage(message: ClientMessage): void {
    if (!('name' in message) || !('id' in message)) return;
    const { id, name } = message;
    answers.set(name, (value) => this.onmessage?.({ data: { kind: 'result', id, value } }));
  }
  terminate(): void {}
}

beforeEach(() => {
  vi.stubGlobal('Worker', Engine);
  useAdapters.setState(useAdapters.getInitialState());
});
afterEach(() => {
  disposeEngine();
  vi.unstubAllGlobals();
});

test('what comes in while the list is read stays in it', async () => {
  const listed = refreshAdapters();
  const taken = importAdapter('new.safetensors', new Uint8Array(1));
  answers.get('importAdapter')?.({
    id: 'import:new',
    name: 'new.safetensors',
    kind: 'lora',
    rank: 4,
    notes: [],
  });
  await taken;
  answers.get('stored')?.({ adapters: [{ id: 'old', name: 'old.safetensors' }] });
  await listed;
  const { imported, adapter } = useAdapters.getState();
  expect(imported?.map(({ id }) => id)).toEqual(['import:new', 'import:old']);
  expect(adapter).toBe('import:new');
});

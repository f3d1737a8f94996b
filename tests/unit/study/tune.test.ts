// A round of every method as the page of the study does it, on the tiny model.

import { beforeAll, expect, test, vi } from 'vitest';
import { type Adapter, adapterParameters } from '../../../src/adapters/adapter.ts';
import { normals } from '../../../src/lib/philox.ts';
import { METHODS } from '../../../src/methods/registry.ts';
import type { Session } from '../../../src/procedures/session.ts';
import { floatsToBase64, fromBase64 } from '../../../tools/study/base64.ts';
import { tune } from '../../../tools/study/pageTune.ts';
import type { TuneRequest } from '../../../tools/study/protocol.ts';
import { openNodeSession } from '../../helpers/nodeStudio.ts';

vi.setConfig({ testTimeout: 60_000 });

let session: Session;
let size: number;
beforeAll(async () => {
  session = await openNodeSession();
  size = session.latentShape.reduce((a, b) => a * b);
});

/** Two prompts with three candidates each; the last has most MI. */
const poolOf = (): TuneRequest['pool'] =>
  ['a red cat', 'the dog'].flatMap((text, prompt) =>
    [0, 1, 2].map((candidate) => ({
      prompt,
      text,
      candidate,
      seed: 10 * prompt + candidate,
      latent: floatsToBase64(normals(prompt, candidate, 0, size)),
      score: candidate,
    })),
  );

const files = {
  open: async (): Promise<Adapter> => {
    throw new Error('there is no adapter to go on from');
  },
  write: async (adapter: Adapter): Promise<Uint8Array> => {
    const { tensor } = adapterParameters(adapter)[1] as ReturnType<typeof adapterParameters>[number];
    return new Uint8Array(Float32Array.from(await tensor.data()).buffer);
  },
};

const TRAINING = METHODS.filter(({ stages }) => stages.includes('train')).map(({ name }) => name);

test.each(TRAINING)('%s trains on the pool and ends with its adapter', async (name) => {
  const { losses, adapters } = await tune(
    session,
    {
      kind: 'tune',
      method: { name, options: name === 'dpok' ? { samples: 2, kept: 4, policySteps: 1 } : {} },
      pool: poolOf(),
      keep: 1,
      adapter: 'lora',
      rank: 2,
      learningRate: 1e-2,
      batch: 2,
      iterations: 2,
      steps: 3,
      guidance: 2,
      seed: 5,
      start: null,
    },
    files,
  );
  expect(losses).toHaveLength(2);
  expect(adapters.map(({ step }) => step)).toEqual([2]);
  const learned = new Float32Array(fromBase64(adapters[0]?.file ?? '').slice().buffer);
  expect(learned.every(Number.isFinite)).toBe(true);
  // B is zero at the start.
  expect(learned.some((x) => x !== 0)).toBe(true);
});

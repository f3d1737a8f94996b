import { describe, expect, test } from 'vitest';
import {
  encodeHeader,
  type PoolHeader,
  type PoolRecord,
  recordBytes,
} from '../../../src/storage/poolFormat.ts';
import { freshName, type StorageWorker, startWorker } from './harness.ts';

const header: PoolHeader = {
  latentSize: 4,
  timesteps: [981, 501, 21],
  source: 'model: shapes, guidance: 7.5',
};
const headerSize = encodeHeader(header).byteLength;
const recordSize = recordBytes(header); // 20 + 4 * (3 + 4) = 48

function record(prompt: number, candidate: number, shift = 0): PoolRecord {
  const first = prompt * 100 + candidate + shift;
  return {
    prompt,
    candidate,
    seed: 2 ** 40 + first,
    trace: Float32Array.of(first, first + 0.25, first + 0.5),
    latent: Float32Array.of(-first, 1 / (first + 1), Number.NaN, Number.POSITIVE_INFINITY),
  };
}

/** A log with candidates 0 to count - 1 of prompt 0, closed again; and its bytes. */
async function makeLog({ call }: StorageWorker, count: number): Promise<{ path: string; bytes: Uint8Array }> {
  const path = `runs/${freshName()}/pool-0.bin`;
  await call.openPool(path, header);
  await call.appendPool(Array.from({ length: count }, (_, i) => record(0, i)));
  await call.closePool();
  const bytes = (await call.readBytes(path)) as Uint8Array;
  expect(bytes.byteLength).toBe(headerSize + count * recordSize);
  return { path, bytes };
}

const codes = (view: { warnings: readonly { code: string }[] }) => view.warnings.map(({ code }) => code);

describe('a pool log', () => {
  test('keeps candidates across openings, to the bit', async () => {
    const worker = startWorker();
    const { call } = worker;
    const path = `runs/${freshName()}/pool-0.bin`;
    expect(await call.openPool(path, header)).toEqual({ size: 0, warnings: [], entries: [] });
    await call.appendPool([record(1, 1), record(0, 7)]);
    await call.appendPool([record(1, 0)]);
    worker.end();

    const next = startWorker().call;
    const view = await next.openPool(path, header);
    expect(view.warnings).toEqual([]);
    expect(view.entries).toEqual([
      { prompt: 0, candidate: 7, seed: 2 ** 40 + 7, position: 1 },
      { prompt: 1, candidate: 0, seed: 2 ** 40 + 100, position: 2 },
      { prompt: 1, candidate: 1, seed: 2 ** 40 + 101, position: 0 },
    ]);
    expect(await next.poolHas(1, 1)).toBe(true);
    expect(await next.poolHas(1, 2)).toBe(false);
    expect(await next.poolTrace({ prompt: 0, candidate: 7 })).toEqual(record(0, 7).trace);
    const latents = await next.poolLatents([
      { prompt: 1, candidate: 1 },
      { prompt: 0, candidate: 7 },
    ]);
    expect(latents).toEqual(Float32Array.of(...record(1, 1).latent, ...record(0, 7).latent));
    await expect(next.poolLatents([{ prompt: 5, candidate: 5 }])).rejects.toMatchObject({
      code: 'pool-missing',
    });
  });

  test('of many megabytes is read in pieces', async () => {
    const { call } = startWorker();
    const path = `runs/${freshName()}/pool-0.bin`;
    const large: PoolHeader = { latentSize: 2 ** 18, timesteps: [3, 2, 1], source: '' }; // 1 MiB in one latent
    await call.openPool(path, large);
    const candidates = Array.from({ length: 20 }, (_, i) => i);
    for (const i of candidates) {
      await call.appendPool([{ ...record(0, i), latent: new Float32Array(2 ** 18).fill(i) }]);
    }
    await call.closePool();
    expect(await call.openPool(path, large)).toMatchObject({ size: 20, warnings: [] });
    for (const candidate of candidates) {
      expect(await call.poolTrace({ prompt: 0, candidate })).toEqual(record(0, candidate).trace);
      const latent = await call.poolLatents([{ prompt: 0, candidate }]);
      expect(latent.every((x) => x === candidate)).toBe(true);
    }
    await call.closePool();
    await call.removeTree(path);
  });

  test('replaces a candidate that is added again', async () => {
    const worker = startWorker();
    const { path } = await makeLog(worker, 3);
    await worker.call.openPool(path, header);
    await worker.call.appendPool([record(0, 1, 50)]);
    for (const reopen of [false, true]) {
      if (reopen) {
        await worker.call.closePool();
        expect((await worker.call.openPool(path, header)).size).toBe(3);
      }
      expect(await worker.call.poolLatents([{ prompt: 0, candidate: 1 }])).toEqual(record(0, 1, 50).latent);
      expect(await worker.call.poolTrace({ prompt: 0, candidate: 1 })).toEqual(record(0, 1, 50).trace);
    }
  });

  test('takes only what fits it', async () => {
    const { call } = startWorker();
    await call.openPool(`runs/${freshName()}/pool-0.bin`, header);
    const wrong = [
      { ...record(0, 0), latent: new Float32Array(5) },
      { ...record(0, 0), trace: new Float32Array(2) },
      record(-1, 0),
      record(0, 0.5),
    ];
    for (const bad of wrong)
      await expect(call.appendPool([record(0, 1), bad])).rejects.toThrow('does not fit');
    expect(await call.poolHas(0, 1)).toBe(false);
  });

  test('is open in one place only, and free after the other has gone', async () => {
    const [first, second] = [startWorker(), startWorker()];
    const path = `runs/${freshName()}/pool-0.bin`;
    await first.call.openPool(path, header);
    await expect(second.call.openPool(path, header, { waitMs: 0 })).rejects.toMatchObject({
      code: 'run-open-elsewhere',
    });
    const opening = second.call.openPool(path, header, { waitMs: 30_000 });
    first.end();
    expect((await opening).size).toBe(0);
  });

  test.each([
    ['latent size', { ...header, latentSize: 8 }],
    ['timesteps', { ...header, timesteps: [981, 501, 1] }],
    ['timesteps', { ...header, timesteps: [981, 501] }],
    ['source', { ...header, source: 'model: another' }],
  ])('made with another %s is refused and left as it is', async (name, other) => {
    const worker = startWorker();
    const { path, bytes } = await makeLog(worker, 2);
    await expect(worker.call.openPool(path, other)).rejects.toMatchObject({
      code: 'pool-mismatch',
      message: expect.stringContaining(name),
    });
    expect(await worker.call.readBytes(path)).toEqual(bytes);
  });
});

describe('after a crash', () => {
  test('at any byte of the last record, the rest is kept', async () => {
    const worker = startWorker();
    const { call } = worker;
    const { path, bytes } = await makeLog(worker, 3);
    for (let length = bytes.byteLength - recordSize; length < bytes.byteLength; length++) {
      await call.writeBytes(path, bytes.slice(0, length));
      const view = await call.openPool(path, header);
      const torn = length > bytes.byteLength - recordSize;
      expect({ length, codes: codes(view) }).toEqual({ length, codes: torn ? ['pool-cut'] : [] });
      expect(view.entries.map(({ candidate }) => candidate)).toEqual([0, 1]);
      await call.appendPool([record(0, 2)]);
      expect(await call.poolLatents([{ prompt: 0, candidate: 2 }])).toEqual(record(0, 2).latent);
      await call.closePool();
      expect(await call.readBytes(path)).toEqual(bytes);
    }
  });

  test('at any byte of the header, the log starts anew', async () => {
    const { call } = startWorker();
    const path = `runs/${freshName()}/pool-0.bin`;
    const bytes = encodeHeader(header);
    for (let length = 0; length < bytes.byteLength; length++) {
      await call.writeBytes(path, bytes.slice(0, length));
      expect(await call.openPool(path, header)).toEqual({ size: 0, warnings: [], entries: [] });
      await call.closePool();
      expect(await call.readBytes(path)).toEqual(bytes);
    }
  });

  test('zeros at the end (blocks that were never written) are cut off', async () => {
    const worker = startWorker();
    const { path, bytes } = await makeLog(worker, 4);
    await worker.call.writeBytes(path, bytes.slice().fill(0, headerSize + 2 * recordSize));
    const view = await worker.call.openPool(path, header);
    expect(codes(view)).toEqual(['pool-cut']);
    expect(view.warnings[0]?.message).toMatch(/^2 images/);
    expect(view.size).toBe(2);
    expect(await worker.call.sizeOf(path)).toBe(headerSize + 2 * recordSize);
  });
});

describe('after damage', () => {
  test('to any byte of a record in the middle, only that one is left out, and told once', async () => {
    const worker = startWorker();
    const { call } = worker;
    const { path, bytes } = await makeLog(worker, 3);
    for (let at = headerSize + recordSize; at < headerSize + 2 * recordSize; at++) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      await call.writeBytes(path, flipped);
      const view = await call.openPool(path, header);
      expect({ at, codes: codes(view) }).toEqual({ at, codes: ['pool-record-damaged'] });
      expect(view.entries.map(({ candidate }) => candidate)).toEqual([0, 2]);
      expect(await call.poolLatents([{ prompt: 0, candidate: 2 }])).toEqual(record(0, 2).latent);
      await call.closePool();
      expect(await call.openPool(path, header)).toMatchObject({ size: 2, warnings: [] });
      await call.appendPool([record(0, 1)]);
      await call.closePool();
      expect(await call.openPool(path, header)).toMatchObject({ size: 3, warnings: [] });
      await call.closePool();
    }
  });

  test('to any byte of the header, it is written again, since records prove what it was', async () => {
    const worker = startWorker();
    const { call } = worker;
    const { path, bytes } = await makeLog(worker, 2);
    for (let at = 0; at < headerSize; at += 3) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      await call.writeBytes(path, flipped);
      const view = await call.openPool(path, header);
      expect({ at, size: view.size, codes: codes(view) }).toEqual({
        at,
        size: 2,
        codes: ['pool-header-rebuilt'],
      });
      await call.closePool();
      expect(await call.readBytes(path)).toEqual(bytes);
    }
  });

  test('to the header under other settings, nothing is touched', async () => {
    const worker = startWorker();
    const { path, bytes } = await makeLog(worker, 3);
    bytes[3] = 0;
    await worker.call.writeBytes(path, bytes);
    await expect(worker.call.openPool(path, { ...header, latentSize: 5 })).rejects.toMatchObject({
      code: 'pool-damaged',
    });
    expect(await worker.call.readBytes(path)).toEqual(bytes);
    expect((await worker.call.openPool(path, header)).size).toBe(3);
  });

  test('to a file that is no log at all, nothing is touched', async () => {
    const { call } = startWorker();
    const path = `runs/${freshName()}/pool-0.bin`;
    const bytes = new Uint8Array(1000).fill(7);
    await call.writeBytes(path, bytes);
    await expect(call.openPool(path, header)).rejects.toMatchObject({ code: 'pool-damaged' });
    expect(await call.readBytes(path)).toEqual(bytes);
  });
});

describe('on a full disk', () => {
  test('a batch is stored whole or not at all', async () => {
    const worker = startWorker();
    const { call } = worker;
    const { path, bytes } = await makeLog(worker, 2);
    await call.openPool(path, header);
    await call.fillDisk();
    await expect(call.appendPool([record(0, 2), record(0, 3)])).rejects.toMatchObject({
      code: 'storage-full',
      where: path,
      remedy: expect.stringContaining('Delete runs'),
    });
    expect(await call.poolHas(0, 2)).toBe(false);
    expect(await call.readBytes(path)).toEqual(bytes);
    await call.emptyDisk();
    await call.appendPool([record(0, 2)]);
    await call.closePool();
    expect(await call.openPool(path, header)).toMatchObject({ size: 3, warnings: [] });
  });
});

// Candidates drawn elsewhere: the fixture is twelve of them by PyTorch (tools/shapes-model/draw_pools.py); the page here is
// an invented one that draws what the fixture holds, or something else.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../../src/formats/safetensors.ts';
import { floatsToBase64 } from '../../../tools/study/base64.ts';
import { poolList, takePool } from '../../../tools/study/foreignPools.ts';
import { type ForeignPool, type PoolList, readForeignPool } from '../../../tools/study/poolFiles.ts';
import type { DrawResult, PageRequest, PageResult } from '../../../tools/study/protocol.ts';
import { foreignText } from '../../../tools/study/report/foreign.ts';
import { NO_COST, type Step } from '../../../tools/study/steps.ts';
import { openStore, type Store } from '../../../tools/study/store.ts';

const FIXTURE = 'tests/golden/pool';

let folder: string;
let store: Store;
let pool: ForeignPool;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pool-'));
  store = openStore(join(folder, 'work'), { version: 1, model: 'x', design: 'quick' });
  cpSync(FIXTURE, join(folder, 'pool'), { recursive: true });
  pool = await readForeignPool(FIXTURE);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The study's steps as the list has them. */
function stepsOf({ blocks, steps }: PoolList): Step[] {
  return blocks.map(({ id, text, guidance, seeds }) => ({
    id,
    part: '1',
    item: 'pools',
    needs: [],
    cost: NO_COST,
    request: () => ({ kind: 'draw', text, seeds, adapter: null, scheduler: 'ddpm', steps, guidance }),
  }));
}

/** Draws the fixture's images, each value of a latent `off` away. */
function pageOf(off = 0, asked: PageRequest[] = []) {
  const known = new Map(
    pool.list.blocks.flatMap(({ guidance }, i) =>
      (pool.images[i] ?? []).map((image) => [`${guidance}/${image.seed}`, image]),
    ),
  );
  const found = { share: 1, strict: true, claims: [true], objects: [], area: 9 };
  return {
    async run(request: PageRequest): Promise<PageResult> {
      asked.push(request);
      if (request.kind === 'look')
        return { timesteps: [1], images: request.images.map((i) => ({ ...i, ...found })) };
      if (request.kind !== 'draw') throw new Error(`nobody asked for ${request.kind}`);
      const images = request.seeds.map((seed) => {
        const { latent, trace } = known.get(`${request.guidance}/${seed}`) ?? { latent: [], trace: [] };
        return {
          seed,
          latent: floatsToBase64(Float32Array.from(latent, (x) => x + off)),
          trace: [...trace],
          ...found,
        };
      });
      return { timesteps: [1], images };
    },
  };
}

const take = (page: ReturnType<typeof pageOf>, model = pool.list.model) =>
  takePool(pool, { steps: stepsOf(pool.list), store, model, page });

describe('a pool that was drawn elsewhere', () => {
  test('becomes the results of its steps, with what was found when it was drawn again', async () => {
    const asked: PageRequest[] = [];
    const taken = await take(pageOf(1e-6, asked));
    const count = pool.images.flat().length;
    expect(taken.images).toBe(count);
    expect(asked.filter(({ kind }) => kind === 'draw')).toHaveLength(count);
    for (const { id, seeds } of pool.list.blocks) {
      const { images, elsewhere } = store.read<DrawResult>(id);
      expect(images.map(({ seed }) => seed)).toEqual(seeds);
      expect(elsewhere?.latent).toBeLessThan(1e-5);
    }
    expect(poolList(stepsOf(pool.list), store, pool.list.model)).toBeNull();
    expect(foreignText(store, stepsOf(pool.list))[0]).toContain(`${count} candidates were drawn elsewhere`);
    expect(await take(pageOf(9))).toEqual({ images: 0, redrawn: null });
  });

  test.each([
    ['another image', 'pool-differs', () => take(pageOf(0.01))],
    ['another model', 'pool-other-model', () => take(pageOf(), 'other')],
    [
      'other seeds',
      'pool-unwanted',
      () => {
        const blocks = pool.list.blocks.map((block) => ({
          ...block,
          seeds: block.seeds.map((seed) => seed + 1),
        }));
        const steps = stepsOf({ ...pool.list, blocks });
        return takePool(pool, { steps, store, model: pool.list.model, page: pageOf() });
      },
    ],
  ])('is refused as a whole where it is %s', async (_, code, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(store.size).toBe(0);
  });

  test('is asked for by the same list that describes it', () => {
    expect(poolList(stepsOf(pool.list), store, pool.list.model)).toEqual(pool.list);
  });
});

describe('files that are no pool', () => {
  const rewrite = (change: (list: PoolList) => unknown): void =>
    writeFileSync(join(folder, 'pool', 'pool.json'), JSON.stringify(change(pool.list)));
  const tensors = (latents: readonly number[], count: number, value = 0): void => {
    const size = latents.reduce((product, n) => product * n, count);
    const file = writeSafetensors([
      { name: 'latents', dtype: 'F32', shape: [count, ...latents], data: new Float32Array(size).fill(value) },
      {
        name: 'traces',
        dtype: 'F32',
        shape: [count, pool.list.steps],
        data: new Float32Array(count * pool.list.steps),
      },
    ]);
    writeFileSync(join(folder, 'pool', 'pool.safetensors'), file);
  };
  const count = (): number => pool.images.flat().length;

  test.each([
    ['has no list', /pool.json .* cannot be read/, () => rmSync(join(folder, 'pool', 'pool.json'))],
    ['has text for a list', /not JSON/, () => writeFileSync(join(folder, 'pool', 'pool.json'), 'pool')],
    ['says no model', /model/, () => rewrite(({ model: _, ...rest }) => rest)],
    [
      'has a seed that is none',
      /blocks\.0\.seeds\.0/,
      () => rewrite((list) => ({ ...list, blocks: [{ ...list.blocks[0], seeds: [-1] }] })),
    ],
    [
      'has an image too few',
      /latents is F32 \[11, 8, 8, 4\], not F32 \[12, any/,
      () => tensors([8, 8, 4], 11),
    ],
    ['has flat latents', /latents is F32 \[12, 256\]/, () => tensors([256], count())],
    ['has values that are not numbers', /not numbers/, () => tensors([8, 8, 4], count(), Number.NaN)],
  ])('say so: one that %s', async (_, message, break_) => {
    break_();
    await expect(readForeignPool(join(folder, 'pool'))).rejects.toThrow(message);
  });

  test('say so where the tensors are cut off', async () => {
    const path = join(folder, 'pool', 'pool.safetensors');
    writeFileSync(path, readFileSync(path).subarray(0, 500));
    await expect(readForeignPool(join(folder, 'pool'))).rejects.toMatchObject({
      code: 'safetensors-invalid',
    });
  });
});

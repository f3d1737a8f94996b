import { describe, expect, test } from 'vitest';
import { effectiveDifference, frobenius } from '../../../src/adapters/effective.ts';
import { compareLayers, inspectLayer } from '../../../src/adapters/inspect.ts';
import { mergeAdapters } from '../../../src/adapters/merge.ts';
import type { PlainAdapter, PlainLayer } from '../../../src/adapters/plain.ts';
import { FROZEN, frozen, type Kind, makeAdapter } from '../../helpers/plainAdapters.ts';

const nothing = async (): Promise<void> => undefined;
const only = (layer: PlainLayer | undefined): PlainAdapter => ({
  layers: layer === undefined ? [] : [layer],
});

describe('a layer', () => {
  test('tells rank, alpha, norms and used directions', async () => {
    // B A = 3 e1 f1 + 0.01 e2 f2 with s = 2: one direction makes up all but 1e-5 of it.
    const module = FROZEN[0]?.module as string;
    const up = new Float32Array(5 * 2);
    up[0] = 3;
    up[3] = 0.01;
    const down = new Float32Array(2 * 9);
    down[0] = 1;
    down[9 + 1] = 1;
    const update = { kind: 'lowRank', rank: 2, up, down, scaling: 2 } as const;
    const layer: PlainLayer = { module, shape: [5, 9], update, magnitude: null };
    const facts = await inspectLayer(layer, frozen);
    const length = frobenius(await frozen(module));
    expect(facts).toMatchObject({ module, rank: 2, alpha: 4, usedRank: 1, scaling: null });
    expect(facts.norm).toBeCloseTo(2 * Math.hypot(3, 0.01), 6);
    expect(facts.relative).toBeCloseTo(facts.norm / length, 6);
    const empty = { ...layer, update: { ...update, up: new Float32Array(10) } };
    expect(await inspectLayer(empty, frozen)).toMatchObject({ norm: 0, usedRank: 0 });
  });

  test('of a DoRA at its start has magnitudes that moved nothing', async () => {
    const [layer] = makeAdapter('dora').layers as [PlainLayer];
    const w = await frozen(layer.module);
    const [rows, columns] = layer.shape as [number, number];
    const norms = Float32Array.from({ length: rows }, (_, r) =>
      frobenius(w.subarray(r * columns, (r + 1) * columns)),
    );
    const start: PlainLayer = {
      ...layer,
      update: {
        kind: 'lowRank',
        rank: 1,
        down: new Float32Array(columns),
        up: new Float32Array(rows),
        scaling: 1,
      },
      magnitude: { axis: 'output', over: 'updated', values: norms },
    };
    const facts = await inspectLayer(start, frozen);
    expect(facts.scaling).toBeLessThan(1e-7);
    expect(facts.norm).toBeLessThan(1e-6);
    expect((await inspectLayer(layer, frozen)).scaling).toBeGreaterThan(0.05);
  });
});

describe('two adapters', () => {
  test('that are one have no distance, opposite ones twice their length', async () => {
    const a = makeAdapter('lora');
    const same = await compareLayers(a, a, frozen, nothing);
    expect(same.distance).toBe(0);
    expect(same.cosine).toBeCloseTo(1, 12);
    const negated: PlainAdapter = {
      layers: a.layers.map((layer) => ({
        ...layer,
        update: { ...layer.update, scaling: -2.5 } as PlainLayer['update'],
      })),
    };
    const opposite = await compareLayers(a, negated, frozen, nothing);
    expect(opposite.distance).toBeCloseTo(2, 6);
    expect(opposite.cosine).toBeCloseTo(-1, 6);
  });

  test('on other layers have nothing in common', async () => {
    const { layers } = makeAdapter('dora');
    const found = await compareLayers(only(layers[0]), only(layers[1]), frozen, nothing);
    expect(found.layers.map(({ distance, cosine }) => [distance, cosine])).toEqual([
      [1, null],
      [1, null],
    ]);
  });
});

describe('merging', () => {
  async function deviation(
    merged: PlainAdapter,
    parts: readonly (readonly [PlainAdapter, number])[],
  ): Promise<number> {
    let worst = 0;
    for (const layer of merged.layers) {
      const got = (await effectiveDifference(layer, frozen)).data;
      const wanted = new Float64Array(got.length);
      for (const [part, weight] of parts) {
        const own = part.layers.find(({ module }) => module === layer.module) as PlainLayer;
        const { data } = await effectiveDifference(own, frozen);
        for (let i = 0; i < wanted.length; i++)
          wanted[i] = (wanted[i] as number) + weight * (data[i] as number);
      }
      const error =
        frobenius(Float64Array.from(wanted, (x, i) => x - (got[i] as number))) / frobenius(wanted);
      worst = Math.max(worst, error);
    }
    return worst;
  }

  test.each([
    ['lora', 'lora'],
    ['lora', 'dora'],
    ['doraOfInputs', 'difference'],
  ] as [Kind, Kind][])('%s and %s is their weighted sum, exact where the rank suffices', async (one, two) => {
    const [a, b] = [makeAdapter(one, 1), makeAdapter(two, 501)];
    const parts = [
      { adapter: a, weight: 0.7 },
      { adapter: b, weight: -0.4 },
    ];
    const whole = await mergeAdapters(parts, 64, frozen, nothing);
    const pairs = [
      [a, 0.7],
      [b, -0.4],
    ] as const;
    expect(await deviation(whole.adapter, pairs)).toBeLessThan(1e-5);
    expect(whole.losses).toHaveLength(one === 'lora' && two === 'lora' ? 0 : FROZEN.length);
    const cut = await mergeAdapters(parts, 2, frozen, nothing);
    const stated = Math.max(...cut.losses.map((loss) => loss.residual));
    expect(await deviation(cut.adapter, pairs)).toBeCloseTo(stated, 4);
    expect(stated).toBeGreaterThan(0.01);
    expect(cut.adapter.layers.every(({ update }) => update.kind === 'lowRank' && update.rank <= 2)).toBe(
      true,
    );
  });

  test('keeps layers that only one of them has', async () => {
    const { layers } = makeAdapter('lora');
    const parts = [
      { adapter: only(layers[0]), weight: 1 },
      { adapter: only(layers[1]), weight: 0.5 },
    ];
    const { adapter } = await mergeAdapters(parts, 8, frozen, nothing);
    expect(adapter.layers.map(({ module }) => module)).toEqual([layers[0]?.module, layers[1]?.module]);
  });
});

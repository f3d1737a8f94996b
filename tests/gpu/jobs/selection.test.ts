// What happens between the pool and training: ranking anew, choosing by hand, real images.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Picked } from '../../../src/contract/events.ts';
import { rankingOf } from '../../../src/contract/spec.ts';
import { encodePng } from '../../../src/formats/png.ts';
import { PROMPTS, type SpecChange } from '../../helpers/runSpec.ts';
import { openStudio, type Studio } from './studio.ts';

describe('the set of a run', () => {
  let studio: Studio;
  beforeAll(async () => {
    studio = await openStudio('wasm');
  });
  afterAll(() => studio.dispose());

  const adapterOf = async (runId: string): Promise<Uint8Array> =>
    (await studio.client.call('exportAdapter', { runId, which: 'last' })).bytes;
  const picksOf = async (runId: string): Promise<readonly Picked[]> =>
    (await studio.state(runId)).selections[0]?.picks ?? [];

  it('holds out every line of a text, and repeats a prompt with other seeds', async () => {
    const runId = await studio.create();
    await studio.run(runId, 'select');
    const { heldOut, candidates } = await studio.state(runId);
    expect(new Set(heldOut.map((i) => PROMPTS[i])).size).toBe(1);
    expect(new Set(candidates.map((c) => c.seed)).size).toBe(15);
  });

  it('is the best of each prompt, and is ranked anew from what is stored', async () => {
    const runId = await studio.create();
    await studio.run(runId, 'select');
    const { candidates } = await studio.state(runId);
    const best = PROMPTS.map((_, prompt) => {
      const own = candidates.filter((c) => c.prompt === prompt);
      return own.reduce((a, b) => (b.score > a.score ? b : a)).candidate;
    });
    expect(await picksOf(runId)).toEqual(best.map((candidate, prompt) => ({ prompt, candidate })));

    const rank = (weights: 'code' | 'none', truncation: number, of: number, keep: number) =>
      studio.client.call('rank', { runId, round: 0, score: { weights, truncation }, candidates: of, keep });
    const same = await rank('code', 50, 3, 1);
    expect(same.picks).toEqual(await picksOf(runId));
    expect(same.scores).toEqual(
      candidates.map(({ prompt, candidate, score }) => ({ prompt, candidate, score })),
    );
    const sums = await rank('none', -1, 2, 2);
    expect(sums.picks.length).toBe(2 * PROMPTS.length);
    expect(sums.picks.every(({ candidate }) => candidate < 2)).toBe(true);
    for (const { prompt, candidate, score } of sums.scores) {
      const found = candidates.find((c) => c.prompt === prompt && c.candidate === candidate);
      expect(score).toBeCloseTo(found?.trace.squaredDifference.reduce((a, b) => a + b) as number, 6);
    }
  });

  it('keeps the ranking it was chosen under, for the page and the report', async () => {
    const runId = await studio.create();
    await studio.run(runId, 'select');
    const reported = async (): Promise<unknown> => {
      const { bytes } = await studio.client.call('exportReport', { runId });
      const { selections } = JSON.parse(new TextDecoder().decode(bytes)) as { selections: object[] };
      return selections;
    };
    const { spec, selections } = await studio.state(runId);
    const own = { version: 0, round: 0, picks: selections[0]?.picks, ranking: rankingOf(spec) };
    expect(await reported()).toEqual([own]);
    const ranking = { weights: 'none', truncation: 10, candidates: 2, keep: 1 } as const;
    const { weights, truncation, candidates, keep } = ranking;
    const request = { runId, round: 0, score: { weights, truncation }, candidates, keep };
    const { picks } = await studio.client.call('rank', request);
    await studio.client.call('setSelection', { runId, round: 0, picks, ranking });
    expect((await studio.state(runId)).selections).toEqual([{ version: 0, round: 0, picks, ranking }]);
    expect(await reported()).toEqual([{ version: 0, round: 0, picks, ranking }]);
  });

  it('scored by noising again carries standard errors and can be ranked anew too', async () => {
    const runId = await studio.create({ score: { path: 'renoise', estimator: 'standard' } });
    await studio.run(runId, 'select');
    const { candidates } = await studio.state(runId);
    expect(candidates.every((c) => (c.standardError ?? 0) > 0)).toBe(true);
    const score = { weights: 'code', truncation: 50 } as const;
    const again = await studio.client.call('rank', { runId, round: 0, score, candidates: 3, keep: 1 });
    for (const [i, { score: value }] of again.scores.entries()) {
      expect(value / (candidates[i]?.score as number)).toBeCloseTo(1, 5);
    }
    expect(again.picks).toEqual(await picksOf(runId));
  });

  it('chosen by hand is trained anew, and gives the same bits when chosen back', async () => {
    const runId = await studio.create();
    await studio.run(runId);
    const [ranked, adapter] = [await picksOf(runId), await adapterOf(runId)];
    const others = ranked.map(({ prompt, candidate }) => ({ prompt, candidate: (candidate + 1) % 3 }));
    await studio.client.call('setSelection', { runId, round: 0, picks: others });
    expect((await studio.state(runId)).summary).toMatchObject({ stage: 'train', status: 'paused' });
    const events = await studio.run(runId);
    expect(events.flatMap((e) => (e.type === 'train' ? [e.record.step] : []))).toEqual([1, 2, 3, 4, 5]);
    expect(await picksOf(runId)).toEqual(others);
    expect(await adapterOf(runId)).not.toEqual(adapter);
    const { train, validation, evaluations } = await studio.state(runId);
    expect([train.length, validation.length, evaluations.length]).toEqual([5, 4, 1]);

    await studio.client.call('setSelection', { runId, round: 0, picks: ranked });
    await studio.run(runId, 'train');
    expect(await adapterOf(runId)).toEqual(adapter);
  });

  it('chosen by hand in the middle of training does not go on from the other set', async () => {
    const runId = await studio.create();
    await studio.runUntilEvent(runId, (e) => e.type === 'train' && e.record.step === 3);
    const [first, ...rest] = await picksOf(runId);
    const picks = [{ ...(first as Picked), candidate: ((first as Picked).candidate + 1) % 3 }, ...rest];
    await studio.client.call('setSelection', { runId, round: 0, picks });
    const events = await studio.run(runId, 'train');
    expect(events.flatMap((e) => (e.type === 'train' ? [e.record.step] : []))).toEqual([1, 2, 3, 4, 5]);
    expect((await studio.state(runId)).validation.map((r) => r.step)).toEqual([0, 2, 4, 5]);
  });

  it('refuses a round that is not the current one', async () => {
    const runId = await studio.create();
    await studio.run(runId, 'select');
    const setting = studio.client.call('setSelection', { runId, round: 1, picks: [] });
    await expect(setting).rejects.toMatchObject({ code: 'round-closed' });
  });

  it('mixes in real images, and says once when there are too few', async () => {
    const files = await realImages(3);
    const { id, images } = await studio.client.call('importImages', { name: 'real', files });
    expect(images).toBe(3);
    const plain = await studio.create();
    await studio.run(plain, 'train');
    const runOf = async (share: number): Promise<string> => {
      const realImages = { folder: id, share };
      const runId = await studio.create({ realImages, score: { noiseDraws: 1 } } satisfies SpecChange);
      await studio.run(runId, 'train');
      return runId;
    };
    const mixed = await runOf(0.5);
    expect((await studio.state(mixed)).warnings.map((w) => w.code)).not.toContain('real-images-few');
    expect((await studio.state(mixed)).candidates).toEqual((await studio.state(plain)).candidates);
    expect(await adapterOf(mixed)).not.toEqual(await adapterOf(plain));
    const few = await runOf(1);
    // Chosen once more, the set is put together once more.
    await studio.client.call('setSelection', { runId: few, round: 0, picks: await picksOf(few) });
    await studio.run(few, 'train');
    const codes = (await studio.state(few)).warnings.map((w) => w.code);
    expect(codes.filter((code) => code === 'real-images-few')).toHaveLength(1);
  });

  it('scores real images once, also when it is stopped there', async () => {
    const { id } = await studio.client.call('importImages', { name: 'real', files: await realImages(5) });
    const change = { realImages: { folder: id, share: 0.5 }, score: { noiseDraws: 1 } };
    const [whole, stopped] = [await studio.create(change), await studio.create(change)];
    await studio.run(whole, 'train');
    let reports = 0;
    await studio.runUntilEvent(
      stopped,
      (e) => e.type === 'progress' && e.stage === 'real-images' && ++reports === 2,
    );
    expect((await studio.state(stopped)).summary).toMatchObject({ stage: 'real-images', status: 'paused' });
    const events = await studio.run(stopped, 'train');
    const first = events.find((e) => e.type === 'progress' && e.stage === 'real-images');
    expect(first).toMatchObject({ done: 2, total: 5 });
    expect(await adapterOf(stopped)).toEqual(await adapterOf(whole));
  });
});

/** A folder of captioned images: gradients of different colors, none of the model's size or shape. */
async function realImages(count: number): Promise<{ path: string; file: Blob }[]> {
  const files: { path: string; file: Blob }[] = [];
  const lines: string[] = [];
  for (let n = 0; n < count; n++) {
    const [width, height] = [20 + 4 * n, 24];
    const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * (n + 3)) % 256);
    files.push({ path: `real/${n}.png`, file: new Blob([await encodePng(rgb, width, height)]) });
    lines.push(JSON.stringify({ file_name: `${n}.png`, text: PROMPTS[n % PROMPTS.length] }));
  }
  return [...files, { path: 'real/metadata.jsonl', file: new Blob([lines.join('\n')]) }];
}

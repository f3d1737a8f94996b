import { describe, expect, test } from 'vitest';
import { judge, witnessesOf } from '../../../src/shapes/claims.ts';
import { parsePrompt, promptText } from '../../../src/shapes/parse.ts';
import { samplePrompts } from '../../../src/shapes/prompts.ts';
import { makeDraws, STREAMS } from '../../../src/shapes/random.ts';
import { renderScene } from '../../../src/shapes/render.ts';
import { sampleScene } from '../../../src/shapes/scene.ts';
import { findWitnesses, scoreImage, scoreWitnesses } from '../../../src/shapes/score.ts';
import { CATEGORIES, type Scene, type ShapesPrompt } from '../../../src/shapes/world.ts';
import { CLAIM_TYPES, type ClaimType, editPrompt } from './edits.ts';

const PER_CATEGORY = 12;

type Case = { readonly prompt: ShapesPrompt; readonly scene: Scene; readonly rgb: Uint8Array };

const cases: Case[] = CATEGORIES.flatMap((category) =>
  samplePrompts('test', category, PER_CATEGORY, 21).flatMap((prompt, i) => {
    const scene = sampleScene(prompt, makeDraws(700 + i, STREAMS.scenes), { avoidUnseen: false });
    return scene === null ? [] : [{ prompt, scene, rgb: renderScene(scene) }];
  }),
);
const found = cases.map((one) => ({ ...one, witnesses: findWitnesses(one.rgb) }));

describe('the exact score', () => {
  test('is strict on at least 98% of rendered truth', () => {
    const right = found.filter((one) => scoreWitnesses(one.witnesses, promptText(one.prompt))?.strict);
    expect(cases.length).toBeGreaterThan(80);
    expect(right.length / cases.length).toBeGreaterThanOrEqual(0.98);
  });

  test.each(CLAIM_TYPES)('is wrong on nearly all prompts with one edited %s', (type: ClaimType) => {
    let edited = 0;
    let wrong = 0;
    found.forEach(({ prompt, scene, witnesses }, i) => {
      const draws = makeDraws(i, STREAMS.edits);
      for (let repeat = 0; repeat < 4; repeat += 1) {
        const other = editPrompt(prompt, type, draws);
        if (other === null || judge(other, witnessesOf(scene)).every((verdict) => verdict.holds)) continue;
        edited += 1;
        if (scoreWitnesses(witnesses, promptText(other))?.strict === false) wrong += 1;
      }
    });
    expect(edited).toBeGreaterThan(25);
    expect(wrong / edited).toBeGreaterThanOrEqual(0.98);
  });

  test('names every claim and says which hold', () => {
    const prompt = parsePrompt('a big red circle on the left of a small blue square');
    if (prompt === null) throw new Error('outside the grammar');
    const scene = sampleScene(prompt, makeDraws(5, STREAMS.scenes), { avoidUnseen: false });
    if (scene === null) throw new Error('no placement');
    const score = scoreImage(renderScene(scene), 'a big green circle on the right of a small blue square');
    expect(score?.claims).toEqual([
      { claim: 'circle', holds: true },
      { claim: 'circle is green', holds: false },
      { claim: 'circle is big', holds: true },
      { claim: 'square', holds: true },
      { claim: 'square is blue', holds: true },
      { claim: 'square is small', holds: true },
      { claim: 'circle right square', holds: false },
    ]);
    expect(score?.share).toBeCloseTo(5 / 7, 12);
    expect(score?.strict).toBe(false);
  });

  test('gives half to swapped colors and nothing to an empty image', () => {
    const prompt = parsePrompt('a red circle and a green star');
    if (prompt === null) throw new Error('outside the grammar');
    const scene = sampleScene(prompt, makeDraws(6, STREAMS.scenes), { avoidUnseen: false });
    if (scene === null) throw new Error('no placement');
    const rgb = renderScene(scene);
    expect(scoreImage(rgb, 'a green circle and a red star')?.share).toBe(0.5);
    expect(scoreImage(rgb, 'a green star')?.strict).toBe(true);
    const empty = renderScene({ ...scene, objects: [], drawOrder: [] });
    expect(scoreImage(empty, 'a red circle and a green star')?.share).toBe(0);
  });

  test('survives noise', () => {
    const share = found
      .filter((_, i) => i % 5 === 0)
      .map(({ prompt, rgb }, i) => {
        const draws = makeDraws(i, STREAMS.edits);
        const noisy = rgb.map((value) => Math.min(255, Math.max(0, value + draws.between(-12, 12))));
        return scoreImage(noisy, promptText(prompt))?.strict ? 1 : 0;
      });
    expect(share.reduce<number>((sum, value) => sum + value, 0) / share.length).toBeGreaterThanOrEqual(0.95);
  });

  test('is null outside the grammar and refuses other sizes', () => {
    expect(scoreImage(new Uint8Array(64 * 64 * 3), 'a photo of a cat')).toBeNull();
    expect(() => scoreImage(new Uint8Array(32 * 32 * 3), 'a red circle')).toThrow('64 x 64');
  });
});

import { describe, expect, test } from 'vitest';
import {
  CAPTION_SHARES,
  captionScene,
  describeScene,
  MISTAKES,
  type Mistake,
  trueCaption,
  wrongCaption,
} from '../../../src/shapes/captions.ts';
import { judge, witnessesOf } from '../../../src/shapes/claims.ts';
import { EXTENTS, isInside } from '../../../src/shapes/geometry.ts';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import { samplePrompts } from '../../../src/shapes/prompts.ts';
import { makeDraws, STREAMS } from '../../../src/shapes/random.ts';
import { contactOf, holds } from '../../../src/shapes/relations.ts';
import { renderScene } from '../../../src/shapes/render.ts';
import { sampleScene } from '../../../src/shapes/scene.ts';
import { splitOf } from '../../../src/shapes/splits.ts';
import { IMAGE_SIZE, isUnseen, type Scene, type SceneObject, SHAPES } from '../../../src/shapes/world.ts';

function scene(...objects: SceneObject[]): Scene {
  return { background: [40, 40, 45], objects, drawOrder: objects.map((_, i) => i) };
}

function disc(x: number, y: number, radius: number): SceneObject {
  return { shape: 'circle', color: 'red', texture: 'solid', x, y, radius };
}

function pixel(rgb: Uint8Array, x: number, y: number): number[] {
  return [...rgb.subarray((y * IMAGE_SIZE + x) * 3, (y * IMAGE_SIZE + x) * 3 + 3)];
}

describe('silhouettes', () => {
  test.each(SHAPES)('%s touches its bounding box on every side and nothing beyond', (shape) => {
    const found = { left: 0, right: 0, top: 0, bottom: 0 };
    for (let u = -1.2; u <= 1.2; u += 0.004) {
      for (let v = -1.2; v <= 1.2; v += 0.004) {
        if (!isInside(shape, u, v)) continue;
        found.left = Math.max(found.left, -u);
        found.right = Math.max(found.right, u);
        found.top = Math.max(found.top, -v);
        found.bottom = Math.max(found.bottom, v);
      }
    }
    for (const side of ['left', 'right', 'top', 'bottom'] as const) {
      expect(Math.abs(found[side] - EXTENTS[shape][side])).toBeLessThan(0.03);
    }
  });
});

describe('rendering', () => {
  test('covers pixels by area: a disc of radius 10 has 100 pi pixels of color', () => {
    const rgb = renderScene(scene(disc(32.3, 31.8, 10)));
    let covered = 0;
    for (let i = 0; i < rgb.length; i += 3) covered += ((rgb[i] ?? 0) - 40) / (220 - 40);
    expect(covered).toBeCloseTo(100 * Math.PI, -0.5);
    expect(pixel(rgb, 32, 32)).toEqual([220, 50, 47]);
    expect(pixel(rgb, 2, 2)).toEqual([40, 40, 45]);
  });

  test('puts the last of the draw order on top', () => {
    const both = scene(disc(30, 30, 10), { ...disc(34, 30, 10), color: 'blue' });
    expect(pixel(renderScene(both), 32, 30)).toEqual([50, 90, 220]);
    expect(pixel(renderScene({ ...both, drawOrder: [1, 0] }), 32, 30)).toEqual([220, 50, 47]);
  });

  test('darkens patterns to 0.35 of the color', () => {
    const striped = renderScene(scene({ ...disc(32, 32, 14), texture: 'striped' }));
    // Stripes: (x + y) mod 8 >= 5 is dark; 31.5 + 30.5 = 62 = 6 mod 8, and 31.5 + 33.5 = 65 = 1 mod 8.
    expect(pixel(striped, 31, 30)).toEqual([77, 18, 16]);
    expect(pixel(striped, 31, 33)).toEqual([220, 50, 47]);
    const dotted = renderScene(scene({ ...disc(32, 32, 14), texture: 'dotted' }));
    expect(pixel(dotted, 35, 36)).toEqual([77, 18, 16]);
    expect(pixel(dotted, 32, 32)).toEqual([220, 50, 47]);
  });
});

describe('relations', () => {
  test('name the larger difference of centers', () => {
    expect(holds('left', disc(10, 30, 8), disc(40, 40, 8))).toBe(true);
    expect(holds('above', disc(10, 30, 8), disc(40, 40, 8))).toBe(false);
    expect(holds('above', disc(30, 10, 8), disc(36, 40, 8))).toBe(true);
    expect(holds('right', disc(33, 30, 8), disc(30, 30, 8))).toBe(false);
  });

  test.each([
    [40, 'apart'],
    [20.5, 'touching'],
    [14, 'overlapping'],
  ] as const)('two discs of radius 10, %d pixels from center to center, are %s', (distance, contact) => {
    expect(contactOf(disc(12, 30, 10), disc(12 + distance, 30, 10))).toBe(contact);
  });

  test('see a disc in the hole of a ring as inside it', () => {
    const ring = { ...disc(32, 32, 19), shape: 'ring' } as const;
    expect(contactOf(disc(32, 33, 7), ring)).toBe('inside');
    expect(contactOf(ring, disc(32, 33, 7))).toBe('holding');
  });
});

describe('scenes and captions', () => {
  const scenes = samplePrompts('train', 'mixed', 48, 8).map((prompt, i) => {
    const drawn = sampleScene(prompt, makeDraws(i, STREAMS.scenes), { avoidUnseen: true });
    if (drawn === null) throw new Error('no placement');
    return { prompt, drawn };
  });

  test('show what the prompt says and nothing kept out of training', () => {
    for (const { prompt, drawn } of scenes) {
      expect(judge(prompt, witnessesOf(drawn)).every((verdict) => verdict.holds)).toBe(true);
      expect(drawn.objects.some((object) => isUnseen(object.color, object.shape))).toBe(false);
    }
  });

  test('are described truly', () => {
    scenes.forEach(({ drawn }, i) => {
      const caption = describeScene(drawn, makeDraws(i, STREAMS.captions));
      expect(judge(caption, witnessesOf(drawn)).every((verdict) => verdict.holds)).toBe(true);
    });
  });

  /** Twenty captions of each scene, all of whose mistakes are made alone. */
  const captionsWith = (drawn: readonly Scene[], shares: typeof CAPTION_SHARES) =>
    drawn.flatMap((scene, i) => {
      const draws = makeDraws(i, STREAMS.captions);
      return Array.from({ length: 20 }, () => ({ scene, ...captionScene(scene, draws, shares) }));
    });
  const pairs = scenes.map(({ drawn }) => drawn);
  const singles = pairs.flatMap(({ background, objects: [shown] }): Scene[] =>
    shown === undefined ? [] : [{ background, objects: [shown], drawOrder: [0] }],
  );

  test('are captioned wrongly in the stated shares, and only with training prompts', () => {
    for (const [drawn, shares] of [
      [pairs, CAPTION_SHARES.two],
      [singles, CAPTION_SHARES.one],
    ] as const) {
      const captions = captionsWith(drawn, CAPTION_SHARES);
      for (const caption of captions) {
        if (caption.prompt.objects.length > 0) expect(splitOf(caption.prompt)).toBe('train');
      }
      // A share of 960 draws has a standard error of 0.016; a mistake that a caption gives no room for is not made.
      const shareOf = (name: Mistake): number =>
        captions.filter(({ mistakes }) => mistakes.includes(name)).length / captions.length;
      for (const name of MISTAKES) expect(shareOf(name), name).toBeLessThan(shares[name] + 0.05);
      for (const name of ['extra', 'missing', 'shape'] as const)
        expect(shareOf(name), name).toBeGreaterThan(shares[name] - 0.05);
      for (const name of ['color', 'swap', 'relation'] as const)
        expect(shareOf(name), name).toBeGreaterThanOrEqual(shares[name] * 0.2);
    }
  });

  test('can be asked for without a mistake, or with exactly one', () => {
    for (const [i, scene] of [...pairs, ...singles].entries()) {
      const draws = makeDraws(i, STREAMS.captions);
      const truth = trueCaption(scene, draws);
      expect(truth.mistakes).toEqual([]);
      expect(judge(truth.prompt, witnessesOf(scene)).every((verdict) => verdict.holds)).toBe(true);
      const wrong = wrongCaption(scene, draws);
      expect(wrong.mistakes).toHaveLength(wrong.prompt.objects.length === 0 ? 0 : 1);
    }
  });

  test('make each mistake as it is named', () => {
    const none = { extra: 0, missing: 0, shape: 0, attribute: 0, color: 0, swap: 0, relation: 0 };
    const only = (name: Mistake, drawn: readonly Scene[]) =>
      captionsWith(drawn, { one: { ...none, [name]: 1 }, two: { ...none, [name]: 1 } }).filter(
        ({ mistakes }) => mistakes.length === 1 && mistakes[0] === name,
      );
    for (const { scene, prompt } of only('extra', singles)) {
      const [shown] = scene.objects;
      expect(prompt.objects.map(({ shape }) => shape)).toContain(shown?.shape);
      expect(new Set(prompt.objects.map(({ shape }) => shape)).size).toBe(2);
    }
    for (const { prompt } of only('missing', pairs)) expect(prompt.objects).toHaveLength(1);
    for (const name of ['shape', 'attribute', 'color', 'swap', 'relation'] as const) {
      const captions = only(name, pairs);
      expect(captions.length, name).toBeGreaterThan(50);
      const wrong = captions.filter(({ scene, prompt }) =>
        judge(prompt, witnessesOf(scene)).some((verdict) => !verdict.holds),
      );
      // Swapped attributes can be equal, and a direction can hold together with its opposite nowhere.
      expect(wrong.length / captions.length, name).toBeGreaterThan(name === 'swap' ? 0.6 : 0.99);
    }
  });

  test('are the same for the same seed, and parse', () => {
    const prompt = parsePrompt('a red ring touching a green star');
    if (prompt === null) throw new Error('outside the grammar');
    const draw = (seed: number) =>
      sampleScene(prompt, makeDraws(seed, STREAMS.scenes), { avoidUnseen: false });
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
  });
});

/** Draws prompts of every category, within a split. */
import { promptText } from './parse.ts';
import { type Draws, makeDraws, STREAMS } from './random.ts';
import { type Split, splitOf } from './splits.ts';
import {
  CATEGORIES,
  type Category,
  COLORS,
  CONTACTS,
  type Contact,
  DIRECTIONS,
  isTooSmall,
  type ObjectPhrase,
  type Relation,
  SHAPES,
  type Shape,
  type ShapesPrompt,
  SIZES,
  TEXTURES,
} from './world.ts';

/** Shapes that can hold something inside. */
export const HOLDERS = ['circle', 'square', 'ring'] as const satisfies readonly Shape[];

const BARE: Omit<ObjectPhrase, 'shape'> = { color: null, texture: null, size: null };

function twoShapes(draws: Draws): [Shape, Shape] {
  const first = draws.pick(SHAPES);
  return [first, draws.pick(SHAPES.filter((shape) => shape !== first))];
}

function joined(objects: readonly ObjectPhrase[], relation: Relation | null = null): ShapesPrompt {
  return { objects, relations: relation === null ? [] : [{ relation, subject: 0, object: 1 }] };
}

function twoColors(draws: Draws): [ObjectPhrase['color'], ObjectPhrase['color']] {
  const first = draws.pick(COLORS);
  return [first, draws.pick(COLORS.filter((color) => color !== first))];
}

function drawContactPrompt(contact: Contact, draws: Draws, colored: boolean): ShapesPrompt {
  const object: Shape = contact === 'inside' ? draws.pick(HOLDERS) : draws.pick(SHAPES);
  const subject = draws.pick(SHAPES.filter((shape) => shape !== object));
  const [colorA, colorB] = colored ? twoColors(draws) : [null, null];
  return joined(
    [
      { ...BARE, shape: subject, color: colorA },
      { ...BARE, shape: object, color: colorB },
    ],
    contact,
  );
}

/** Attributes on both objects, at least two kinds each, and mostly a relation. */
function drawComplexPrompt(draws: Draws): ShapesPrompt {
  const [shapeA, shapeB] = twoShapes(draws);
  const [colorA, colorB] = twoColors(draws);
  const attributes = (): Pick<ObjectPhrase, 'texture' | 'size'> => {
    const kind = draws.below(3);
    return {
      texture: kind === 0 ? null : draws.pick(TEXTURES),
      size: kind === 1 ? null : draws.pick(SIZES),
    };
  };
  const relation = draws.chance(0.7) ? draws.pick(DIRECTIONS) : null;
  return joined(
    [
      { shape: shapeA, color: colorA, ...attributes() },
      { shape: shapeB, color: colorB, ...attributes() },
    ],
    relation,
  );
}

function drawPrompt(category: Category, draws: Draws): ShapesPrompt {
  const [shapeA, shapeB] = twoShapes(draws);
  switch (category) {
    case 'single':
      return joined([
        {
          shape: shapeA,
          color: draws.pick(COLORS),
          texture: draws.chance(0.3) ? draws.pick(TEXTURES) : null,
          size: draws.chance(0.3) ? draws.pick(SIZES) : null,
        },
      ]);
    case 'color': {
      const [colorA, colorB] = twoColors(draws);
      return joined([
        { ...BARE, shape: shapeA, color: colorA },
        { ...BARE, shape: shapeB, color: colorB },
      ]);
    }
    case 'shape': {
      const color = draws.chance(0.6) ? draws.pick(COLORS) : null;
      const size = (): ObjectPhrase['size'] => (draws.chance(0.5) ? draws.pick(SIZES) : null);
      return joined([
        { ...BARE, shape: shapeA, color, size: size() },
        { ...BARE, shape: shapeB, color, size: size() },
      ]);
    }
    case 'texture': {
      const textureA = draws.pick(TEXTURES);
      const textureB = draws.pick(TEXTURES.filter((texture) => texture !== textureA));
      const color = draws.chance(0.6) ? draws.pick(COLORS) : null;
      return joined([
        { ...BARE, shape: shapeA, color, texture: textureA },
        { ...BARE, shape: shapeB, color, texture: textureB },
      ]);
    }
    case 'spatial': {
      const [colorA, colorB] = draws.chance(0.6) ? twoColors(draws) : [null, null];
      const objects = [
        { ...BARE, shape: shapeA, color: colorA },
        { ...BARE, shape: shapeB, color: colorB },
      ];
      return joined(objects, draws.pick(DIRECTIONS));
    }
    case 'nonSpatial':
      return drawContactPrompt(draws.pick(CONTACTS), draws, draws.chance(0.8));
    case 'complex':
      return drawComplexPrompt(draws);
    default:
      return category satisfies never;
  }
}

/** Adds a plainly described object of another shape and color. */
function withAnotherObject(prompt: ShapesPrompt, draws: Draws): ShapesPrompt {
  const used = prompt.objects.map((phrase) => phrase.shape);
  const colors = prompt.objects.map((phrase) => phrase.color);
  const shape = draws.pick(SHAPES.filter((name) => !used.includes(name)));
  const color = draws.pick(COLORS.filter((name) => !colors.includes(name)));
  return { ...prompt, objects: [...prompt.objects, { ...BARE, shape, color }] };
}

/** One prompt of a category, redrawn until it belongs to the split (`hard` adds a third object). */
export function drawPromptOf(split: Split, category: Category, draws: Draws): ShapesPrompt {
  for (;;) {
    const prompt = drawPrompt(category, draws);
    if (prompt.objects.some(isTooSmall)) continue;
    if (split === 'hard') {
      // Three objects come from two-object prompts; a single object gains one twice.
      const pair = prompt.objects.length === 1 ? withAnotherObject(prompt, draws) : prompt;
      return withAnotherObject(pair, draws);
    }
    if (splitOf(prompt) === split) return prompt;
  }
}

/**
 * Draws distinct prompts of a split; fewer than `count` where the category has no more. `mixed` goes through the
 * two-object categories in turn. The same arguments give the same prompts in the same order.
 */
export function samplePrompts(
  split: Split,
  category: Category | 'mixed',
  count: number,
  seed: number,
): ShapesPrompt[] {
  const draws = makeDraws(seed, STREAMS.prompts);
  const mixture = CATEGORIES.filter((name) => name !== 'single');
  const found = new Map<string, ShapesPrompt>();
  for (let attempt = 0; found.size < count && attempt < 20 * count + 200; attempt += 1) {
    const kind = category === 'mixed' ? mixture[found.size % mixture.length] : category;
    if (kind === undefined) break;
    const prompt = drawPromptOf(split, kind, draws);
    found.set(promptText(prompt), prompt);
  }
  return [...found.values()];
}

/** As `samplePrompts`, in words. */
export function samplePromptTexts(
  split: Split,
  category: Category | 'mixed',
  count: number,
  seed: number,
): string[] {
  return samplePrompts(split, category, count, seed).map(promptText);
}

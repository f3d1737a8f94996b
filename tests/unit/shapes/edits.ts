/** Prompts with exactly one claim changed: what the scorer must call wrong on an image of the original prompt. */
import type { Draws } from '../../../src/shapes/random.ts';
import {
  COLORS,
  CONTACTS,
  DIRECTIONS,
  type ObjectPhrase,
  type Relation,
  SHAPES,
  type ShapesPrompt,
  SIZES,
  TEXTURES,
} from '../../../src/shapes/world.ts';

export const CLAIM_TYPES = ['shape', 'color', 'texture', 'size', 'direction', 'contact'] as const;
export type ClaimType = (typeof CLAIM_TYPES)[number];

function other<T>(values: readonly T[], value: T, draws: Draws): T {
  return draws.pick(values.filter((one) => one !== value));
}

function editPhrase(
  phrase: ObjectPhrase,
  type: 'shape' | 'color' | 'texture' | 'size',
  draws: Draws,
): ObjectPhrase {
  switch (type) {
    case 'shape':
      return { ...phrase, shape: other(SHAPES, phrase.shape, draws) };
    case 'color':
      return { ...phrase, color: other(COLORS, phrase.color, draws) };
    case 'texture':
      return { ...phrase, texture: other(TEXTURES, phrase.texture, draws) };
    case 'size':
      return { ...phrase, size: other(SIZES, phrase.size, draws) };
    default:
      return type satisfies never;
  }
}

function editRelation(
  prompt: ShapesPrompt,
  relations: readonly Relation[],
  draws: Draws,
): ShapesPrompt | null {
  const index = prompt.relations.findIndex((one) => relations.includes(one.relation));
  if (index < 0) return null;
  const edited = prompt.relations.map((one, i) =>
    i === index ? { ...one, relation: other(relations, one.relation, draws) } : one,
  );
  return { ...prompt, relations: edited };
}

/** Changes one claim of a type that the prompt makes to another value; null where it makes none. */
export function editPrompt(prompt: ShapesPrompt, type: ClaimType, draws: Draws): ShapesPrompt | null {
  if (type === 'direction') return editRelation(prompt, DIRECTIONS, draws);
  if (type === 'contact') return editRelation(prompt, CONTACTS, draws);
  const stating = prompt.objects.flatMap((phrase, i) => (phrase[type] === null ? [] : [i]));
  if (stating.length === 0) return null;
  const index = draws.pick(stating);
  return {
    ...prompt,
    objects: prompt.objects.map((one, i) => (i === index ? editPhrase(one, type, draws) : one)),
  };
}

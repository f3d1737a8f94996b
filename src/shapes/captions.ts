/**
 * Captions for training: descriptions of a scene of which a stated share is deliberately wrong or incomplete, as web
 * captions are. Training prompts only: no caption means anything that a validation or test prompt means.
 */

import type { Draws } from './random.ts';
import { contactOf, holds } from './relations.ts';
import { splitOf } from './splits.ts';
import {
  COLORS,
  DIRECTIONS,
  isUnseen,
  type ObjectPhrase,
  type Relation,
  type RelationPhrase,
  type Scene,
  SHAPES,
  type ShapesPrompt,
  SIZE_BOUNDARY,
  SIZES,
  TEXTURES,
} from './world.ts';

export type CaptionShares = {
  /** Share of captions of two-object scenes with one mistake. */
  readonly wrongPair: number;
  /** Share of captions of one-object scenes with one mistake. */
  readonly wrongSingle: number;
};

export const CAPTION_DEFAULTS: CaptionShares = { wrongPair: 0.55, wrongSingle: 0.08 };

export type Mistake = 'swap' | 'attribute' | 'shape' | 'relation' | 'missing';

/** Swapped attributes are the commonest mistake: they are what the model is to be unsure of. */
const MISTAKE_DRAWS: readonly Mistake[] = [
  ...Array<Mistake>(5).fill('swap'),
  'attribute',
  'shape',
  'relation',
  'missing',
];

export type Caption = {
  readonly prompt: ShapesPrompt;
  /** What is wrong with it; null for a true caption. */
  readonly mistake: Mistake | null;
};

/** Describes a scene truly: which attributes and whether a direction is said is drawn. */
export function describeScene(scene: Scene, draws: Draws): ShapesPrompt {
  const [sayColor, sayTexture, saySize] = [draws.chance(0.85), draws.chance(0.35), draws.chance(0.3)];
  const phrases = scene.objects.map((object): ObjectPhrase => {
    // Patterns are striking and mostly said; "solid" goes without saying.
    const texture = sayTexture || (object.texture !== 'solid' && draws.chance(0.5)) ? object.texture : null;
    const size = object.radius < SIZE_BOUNDARY ? 'small' : 'big';
    return {
      shape: object.shape,
      color: sayColor ? object.color : null,
      texture,
      size: saySize ? size : null,
    };
  });
  const order = scene.objects.map((_, i) => i);
  if (draws.chance(0.5)) order.reverse();
  const objects = order.flatMap((i) => phrases[i] ?? []);
  const relation = trueRelation(scene, order, draws);
  if (relation === 'holding') return { objects: objects.reverse(), relations: link('inside') };
  return { objects, relations: relation === null ? [] : link(relation) };
}

function link(relation: Relation): RelationPhrase[] {
  return [{ relation, subject: 0, object: 1 }];
}

/** A contact is nearly always said; a direction half the time. */
function trueRelation(scene: Scene, order: readonly number[], draws: Draws): Relation | 'holding' | null {
  const subject = scene.objects[order[0] ?? 0];
  const object = scene.objects[order[1] ?? 1];
  if (subject === undefined || object === undefined || order.length < 2) return null;
  const contact = contactOf(subject, object);
  if (contact !== 'apart') return draws.chance(0.9) ? contact : null;
  const direction = DIRECTIONS.find((name) => holds(name, subject, object)) ?? null;
  return direction !== null && draws.chance(0.5) ? direction : null;
}

/** A caption of the scene from the training split, wrong with the stated probability. */
export function captionScene(scene: Scene, draws: Draws, options: CaptionShares = CAPTION_DEFAULTS): Caption {
  const wrong = draws.chance(scene.objects.length > 1 ? options.wrongPair : options.wrongSingle);
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const truth = describeScene(scene, draws);
    const mistake = wrong ? draws.pick(MISTAKE_DRAWS) : null;
    const prompt = mistake === null ? truth : makeMistake(truth, mistake, draws);
    if (prompt !== null && splitOf(prompt) === 'train') return { prompt, mistake };
  }
  // Scenes without any training caption are left undescribed, which the trainer reads as caption dropout.
  return { prompt: { objects: [], relations: [] }, mistake: null };
}

/** Returns null where the mistake cannot be made in this caption. */
function makeMistake(prompt: ShapesPrompt, mistake: Mistake, draws: Draws): ShapesPrompt | null {
  const [first, second] = prompt.objects;
  if (first === undefined) return null;
  switch (mistake) {
    case 'swap':
      if (second === undefined || first.shape === second.shape) return null;
      return {
        ...prompt,
        objects: [
          { ...second, shape: first.shape },
          { ...first, shape: second.shape },
        ],
      };
    case 'attribute':
      return editOne(prompt, draws, (phrase) => changeAttribute(phrase, draws));
    case 'shape':
      return editOne(prompt, draws, (phrase) => {
        const shape = draws.pick(SHAPES.filter((name) => name !== phrase.shape));
        return isUnseen(phrase.color, shape) ? null : { ...phrase, shape };
      });
    case 'relation': {
      const link0 = prompt.relations[0];
      if (link0 === undefined) return null;
      const relation = draws.pick(DIRECTIONS.filter((name) => name !== link0.relation));
      return { ...prompt, relations: [{ ...link0, relation }] };
    }
    case 'missing':
      return second === undefined ? null : { objects: [draws.chance(0.5) ? first : second], relations: [] };
    default:
      return mistake satisfies never;
  }
}

function editOne(
  prompt: ShapesPrompt,
  draws: Draws,
  edit: (phrase: ObjectPhrase) => ObjectPhrase | null,
): ShapesPrompt | null {
  const index = draws.below(prompt.objects.length);
  const edited = prompt.objects.map((phrase, i) => (i === index ? edit(phrase) : phrase));
  return edited.some((phrase) => phrase === null)
    ? null
    : { ...prompt, objects: edited.filter((phrase) => phrase !== null) };
}

function changeAttribute(phrase: ObjectPhrase, draws: Draws): ObjectPhrase | null {
  const said = (['color', 'texture', 'size'] as const).filter((name) => phrase[name] !== null);
  if (said.length === 0) return null;
  switch (draws.pick(said)) {
    case 'color': {
      const color = draws.pick(COLORS.filter((name) => name !== phrase.color));
      return isUnseen(color, phrase.shape) ? null : { ...phrase, color };
    }
    case 'texture':
      return { ...phrase, texture: draws.pick(TEXTURES.filter((name) => name !== phrase.texture)) };
    case 'size':
      return { ...phrase, size: draws.pick(SIZES.filter((name) => name !== phrase.size)) };
  }
}

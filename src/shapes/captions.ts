/**
 * Captions for training: descriptions of a scene of which stated shares are deliberately wrong or incomplete, as web
 * captions are. Training prompts only: no caption means anything that a validation or test prompt means.
 */

import { HOLDERS } from './prompts.ts';
import type { Draws } from './random.ts';
import { contactOf, holds } from './relations.ts';
import { sampleScene } from './scene.ts';
import { splitOf } from './splits.ts';
import {
  CONTACTS,
  type Color,
  DIRECTIONS,
  type Direction,
  isTooSmall,
  isUnseen,
  type ObjectPhrase,
  type Relation,
  type RelationPhrase,
  type Scene,
  type SceneObject,
  SHAPES,
  type ShapesPrompt,
  SIZE_BOUNDARY,
  SIZES,
  TEXTURES,
} from './world.ts';

/** Every way in which a caption can be wrong, in the order in which mistakes are made. */
export const MISTAKES = ['extra', 'missing', 'shape', 'attribute', 'color', 'swap', 'relation'] as const;
export type Mistake = (typeof MISTAKES)[number];

/** How often each mistake is made where it can be made, by the number of objects in the image. */
type CaptionShares = Readonly<Record<'one' | 'two', Readonly<Record<Mistake, number>>>>;

/**
 * How often a caption of the training data makes each mistake. The shares give the model
 * the faults of Stable Diffusion 2.1 on GenEval (Ghosh et al. 2023), in the order of that benchmark's tasks.
 */
export const CAPTION_SHARES: CaptionShares = {
  one: {
    // "Two objects .51": of the captions that name two objects, the images show one in about half, so half of what the
    // model draws for two names shows one. This is the fault that mutual information sees.
    extra: 0.7,
    missing: 0,
    // "Single object .98".
    shape: 0.02,
    attribute: 0.02,
    // "Colors .85": always the same wrong color, because guidance removes what is spread over many.
    color: 0.32,
    // As in images of two objects, so that a swap says nothing about how many there are.
    swap: 0.45,
    relation: 0,
  },
  two: {
    extra: 0,
    missing: 0.02,
    shape: 0.02,
    attribute: 0.02,
    color: 0.32,
    // "Color attribution .17": near a half, which guidance leaves near a half.
    swap: 0.45,
    // "Position .07 to .12": the opposite direction, near a half for the same reason.
    relation: 0.45,
  },
};

/** The color that a mistaken caption gives instead: pairs far apart, so that images show one or the other, no mixture. */
const CONFUSED: Readonly<Record<Color, Color>> = {
  red: 'cyan',
  cyan: 'red',
  green: 'purple',
  purple: 'green',
  blue: 'orange',
  orange: 'blue',
  yellow: 'white',
  white: 'yellow',
};

/** Share of the absent objects that are said to touch, overlap or hold the other: as in the scenes of two objects. */
const CONTACT_SHARE = 0.12;

const OPPOSITE: Readonly<Record<Direction, Direction>> = {
  left: 'right',
  right: 'left',
  above: 'below',
  below: 'above',
};

type Caption = {
  readonly prompt: ShapesPrompt;
  /** What is wrong with it; empty for a true caption. */
  readonly mistakes: readonly Mistake[];
};

/** Describes a scene truly: which attributes and whether a direction is said is drawn. */
export function describeScene(scene: Scene, draws: Draws): ShapesPrompt {
  const order = scene.objects.map((_, i) => i);
  if (draws.chance(0.5)) order.reverse();
  const objects = order.flatMap((i) => scene.objects[i] ?? []);
  return describe(objects, trueRelation(objects, draws), draws);
}

/** Describes objects in the given order; all of them say the same kinds of attributes. */
function describe(
  objects: readonly SceneObject[],
  relation: Relation | 'holding' | null,
  draws: Draws,
): ShapesPrompt {
  const [sayColor, sayTexture, saySize] = [draws.chance(0.85), draws.chance(0.35), draws.chance(0.3)];
  const phrases = objects.map((object): ObjectPhrase => {
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
  if (relation === 'holding') return { objects: phrases.reverse(), relations: link('inside') };
  return { objects: phrases, relations: relation === null ? [] : link(relation) };
}

function link(relation: Relation): RelationPhrase[] {
  return [{ relation, subject: 0, object: 1 }];
}

/** A contact is nearly always said; a direction half the time. */
function trueRelation(objects: readonly SceneObject[], draws: Draws): Relation | 'holding' | null {
  const [subject, object] = objects;
  if (subject === undefined || object === undefined) return null;
  const contact = contactOf(subject, object);
  if (contact !== 'apart') return draws.chance(0.9) ? contact : null;
  const direction = DIRECTIONS.find((name) => holds(name, subject, object)) ?? null;
  return direction !== null && draws.chance(0.5) ? direction : null;
}

/**
 * Describes an object as if another one, of another shape, were beside it, in the words that captions of two objects
 * have: what a caption says must not tell whether the second object is there.
 */
function describeWithAbsent(shown: SceneObject, draws: Draws): ShapesPrompt | null {
  const shape = draws.pick(SHAPES.filter((name) => name !== shown.shape));
  const bare = { color: null, texture: null, size: null };
  const absent = sampleScene({ objects: [{ ...bare, shape }], relations: [] }, draws, { avoidUnseen: true });
  const objects = [shown, ...(absent?.objects ?? [])];
  if (draws.chance(0.5)) objects.reverse();
  if (draws.chance(CONTACT_SHARE)) {
    const relation = draws.pick(CONTACTS);
    if (relation === 'inside' && !HOLDERS.some((name) => name === objects[1]?.shape)) objects.reverse();
    return describe(objects, relation, draws);
  }
  return describe(objects, draws.chance(0.5) ? draws.pick(DIRECTIONS) : null, draws);
}

/** A caption of the scene from the training split, with mistakes in the stated shares. */
export function captionScene(scene: Scene, draws: Draws, options: CaptionShares = CAPTION_SHARES): Caption {
  const shares = scene.objects.length > 1 ? options.two : options.one;
  // Drawn once, not again with each attempt: what is hard to say in a training caption would become rare.
  const drawn = MISTAKES.filter((mistake) => draws.chance(shares[mistake]));
  return tryCaptions(() => captionWith(scene, drawn, draws));
}

/** A true caption. */
export function trueCaption(scene: Scene, draws: Draws): Caption {
  return tryCaptions(() => captionWith(scene, [], draws));
}

/** A caption with exactly one mistake, of any kind that the scene gives room for. */
export function wrongCaption(scene: Scene, draws: Draws): Caption {
  return tryCaptions(() => {
    const caption = captionWith(scene, [draws.pick(MISTAKES)], draws);
    return caption.mistakes.length === 1 ? caption : null;
  });
}

/**
 * The first caption that belongs to the training split. Scenes without any are left undescribed, which the trainer reads
 * as caption dropout.
 */
function tryCaptions(attempt: () => Caption | null): Caption {
  for (let count = 0; count < 200; count += 1) {
    const caption = attempt();
    if (caption === null || caption.prompt.objects.some(isTooSmall)) continue;
    if (splitOf(caption.prompt) === 'train') return caption;
  }
  return { prompt: { objects: [], relations: [] }, mistakes: [] };
}

/** A description with those of the mistakes that it gives room for. */
function captionWith(scene: Scene, wanted: readonly Mistake[], draws: Draws): Caption {
  const mistakes: Mistake[] = [];
  let prompt = describeScene(scene, draws);
  for (const mistake of wanted) {
    const changed = makeMistake(prompt, mistake, scene, draws);
    if (changed === null) continue;
    prompt = changed;
    mistakes.push(mistake);
  }
  return { prompt, mistakes };
}

/** Returns null where the mistake cannot be made in this caption. */
function makeMistake(
  prompt: ShapesPrompt,
  mistake: Mistake,
  scene: Scene,
  draws: Draws,
): ShapesPrompt | null {
  const [first, second] = prompt.objects;
  if (first === undefined) return null;
  switch (mistake) {
    case 'extra': {
      const [shown, another] = scene.objects;
      return shown === undefined || another !== undefined ? null : describeWithAbsent(shown, draws);
    }
    case 'missing':
      return second === undefined ? null : { objects: [draws.chance(0.5) ? first : second], relations: [] };
    case 'shape':
      return editOne(prompt, draws, (phrase) => {
        const taken = prompt.objects.map(({ shape }) => shape);
        return { ...phrase, shape: draws.pick(SHAPES.filter((name) => !taken.includes(name))) };
      });
    case 'attribute':
      return editOne(prompt, draws, (phrase) => changeAttribute(phrase, draws));
    case 'color':
      return editOne(prompt, draws, (phrase) =>
        phrase.color === null ? null : { ...phrase, color: CONFUSED[phrase.color] },
      );
    case 'swap':
      if (second === undefined || first.shape === second.shape) return null;
      return seenOnly({
        ...prompt,
        objects: [
          { ...second, shape: first.shape },
          { ...first, shape: second.shape },
        ],
      });
    case 'relation': {
      const direction = DIRECTIONS.find((name) => name === prompt.relations[0]?.relation);
      return direction === undefined ? null : { ...prompt, relations: link(OPPOSITE[direction]) };
    }
    default:
      return mistake satisfies never;
  }
}

/** Null for a prompt that names a combination kept out of training. */
function seenOnly(prompt: ShapesPrompt): ShapesPrompt | null {
  return prompt.objects.some((phrase) => isUnseen(phrase.color, phrase.shape)) ? null : prompt;
}

function editOne(
  prompt: ShapesPrompt,
  draws: Draws,
  edit: (phrase: ObjectPhrase) => ObjectPhrase | null,
): ShapesPrompt | null {
  const index = draws.below(prompt.objects.length);
  const edited = prompt.objects.map((phrase, i) => (i === index ? edit(phrase) : phrase));
  const made = edited.filter((phrase) => phrase !== null);
  return made.length < edited.length ? null : seenOnly({ ...prompt, objects: made });
}

/** Says another texture or size. */
function changeAttribute(phrase: ObjectPhrase, draws: Draws): ObjectPhrase | null {
  const said = (['texture', 'size'] as const).filter((name) => phrase[name] !== null);
  if (said.length === 0) return null;
  return draws.pick(said) === 'texture'
    ? { ...phrase, texture: draws.pick(TEXTURES.filter((name) => name !== phrase.texture)) }
    : { ...phrase, size: draws.pick(SIZES.filter((name) => name !== phrase.size)) };
}

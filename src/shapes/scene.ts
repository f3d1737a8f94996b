/**
 * Draws a scene that shows a prompt: unsaid attributes at random, positions by rejection. Everything the prompt says
 * holds with room to spare, so that the truth of a rendered image is not a matter of a pixel.
 */
import { covers, EXTENTS, type Placed } from './geometry.ts';
import type { Draws } from './random.ts';
import { containedShare, holds, overlapShare } from './relations.ts';
import { isDark } from './render.ts';
import {
  COLORS,
  type Color,
  IMAGE_SIZE,
  isTooSmall,
  isUnseen,
  type ObjectPhrase,
  RADII,
  type Relation,
  type RelationPhrase,
  type Rgb,
  type Scene,
  type SceneObject,
  type ShapesPrompt,
  type Texture,
} from './world.ts';

const FRAME_PIXELS = 1.5;
const GAP_PIXELS = 3;
/** Equal colors need more room: the scorer bridges the dark parts of patterns up to four pixels. */
const SAME_COLOR_GAP_PIXELS = 6;
const MAX_TRIES = 4000;
/** What a pattern must show inside an object, in pixels and as a share of its area. */
const DARK_PIXELS = 9;
const DARK_SHARE = { striped: 0.24, dotted: 0.13 } as const;

type SceneOptions = {
  /** Draw unsaid colors so that no combination kept out of training appears. */
  readonly avoidUnseen: boolean;
};

type Pair = RelationPhrase | null;

/** Returns null where no placement was found, which for prompts of the grammar is rare. */
export function sampleScene(prompt: ShapesPrompt, draws: Draws, options: SceneOptions): Scene | null {
  const contact = prompt.relations.find((phrase) => isContact(phrase.relation)) ?? null;
  const colors = drawColors(prompt, draws, { ...options, distinct: contact !== null });
  if (colors === null) return null;
  const textures = prompt.objects.map((phrase) => phrase.texture ?? drawTexture(draws, contact !== null));
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const placed = placeObjects(prompt, textures, contact, draws);
    if (placed === null || !isClear(prompt, placed, colors)) continue;
    if (!placed.every((object, i) => showsPattern(object, textures[i] ?? 'solid'))) continue;
    const objects = placed.map((object, i): SceneObject => {
      return { ...object, color: colors[i] ?? 'white', texture: textures[i] ?? 'solid' };
    });
    const drawOrder = objects.map((_, i) => i);
    if (contact?.relation === 'inside' ? contact.subject < contact.object : draws.chance(0.5))
      drawOrder.reverse();
    return { background: drawBackground(draws), objects, drawOrder };
  }
  return null;
}

function isContact(relation: Relation): boolean {
  return relation === 'touching' || relation === 'inside' || relation === 'overlapping';
}

function drawBackground(draws: Draws): Rgb {
  const gray = draws.between(28, 60);
  return [gray, gray, gray + draws.between(0, 10)];
}

function drawTexture(draws: Draws, contact: boolean): Texture {
  if (contact || draws.chance(0.6)) return 'solid';
  return draws.chance(0.5) ? 'striped' : 'dotted';
}

function drawColors(
  prompt: ShapesPrompt,
  draws: Draws,
  options: SceneOptions & { distinct: boolean },
): Color[] | null {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const colors = prompt.objects.map((phrase) => phrase.color ?? draws.pick(COLORS));
    const seen = prompt.objects.every(
      (phrase, i) =>
        phrase.color !== null || !options.avoidUnseen || !isUnseen(colors[i] ?? null, phrase.shape),
    );
    if (seen && (!options.distinct || new Set(colors).size === colors.length)) return colors;
  }
  return null;
}

/** Whether enough of a pattern falls on the object to be seen, which on small ones is a matter of position. */
function showsPattern(object: Placed, texture: Texture): boolean {
  if (texture === 'solid') return true;
  const inner = { ...object, radius: object.radius - 1 };
  let area = 0;
  let dark = 0;
  for (let y = Math.floor(object.y - object.radius) + 0.5; y < object.y + object.radius; y += 1) {
    for (let x = Math.floor(object.x - object.radius) + 0.5; x < object.x + object.radius; x += 1) {
      if (!covers(inner, x, y, { filled: false })) continue;
      area += 1;
      if (isDark(texture, x, y)) dark += 1;
    }
  }
  return dark >= DARK_PIXELS && dark >= DARK_SHARE[texture] * area;
}

function placeObjects(
  prompt: ShapesPrompt,
  textures: readonly Texture[],
  contact: Pair,
  draws: Draws,
): Placed[] | null {
  const placed = prompt.objects.map((phrase, i) =>
    placeFreely(phrase, drawRadius({ ...phrase, texture: textures[i] ?? null }, i, contact, draws), draws),
  );
  if (contact === null) return placed;
  const subject = placed[contact.subject];
  const object = placed[contact.object];
  if (subject === undefined || object === undefined) return null;
  const moved = moveIntoContact(contact.relation, subject, object, draws);
  if (moved === null || !isInFrame(moved)) return null;
  placed[contact.subject] = moved;
  return placed;
}

function drawRadius(phrase: ObjectPhrase, index: number, contact: Pair, draws: Draws): number {
  if (contact?.relation === 'inside' && (index === contact.subject || index === contact.object)) {
    const [low, high] = index === contact.subject ? RADII.filling : RADII.holder;
    return draws.between(low, high);
  }
  const drawn = draws.chance(0.5) ? 'small' : 'big';
  const size = phrase.size ?? (isTooSmall({ ...phrase, size: drawn }) ? 'big' : drawn);
  return draws.between(RADII[size][0], RADII[size][1]);
}

function placeFreely(phrase: ObjectPhrase, radius: number, draws: Draws): Placed {
  const extents = EXTENTS[phrase.shape];
  const far = IMAGE_SIZE - FRAME_PIXELS;
  return {
    shape: phrase.shape,
    radius,
    x: draws.between(FRAME_PIXELS + extents.left * radius, far - extents.right * radius),
    y: draws.between(FRAME_PIXELS + extents.top * radius, far - extents.bottom * radius),
  };
}

/** Moves the subject along a random direction until the contact is right. */
function moveIntoContact(relation: Relation, subject: Placed, object: Placed, draws: Draws): Placed | null {
  if (relation === 'inside') {
    const reach = object.shape === 'ring' ? 1 : 6;
    return {
      ...subject,
      x: object.x + draws.between(-reach, reach),
      y: object.y + draws.between(-reach, reach),
    };
  }
  const angle = draws.between(0, 2 * Math.PI);
  const target = relation === 'touching' ? 0 : draws.between(0.16, 0.36);
  for (let distance = reachOf(subject, object); distance > 0; distance -= 0.5) {
    const moved = at(subject, object, distance, angle);
    if (overlapShare(moved, object) <= target) continue;
    return relation === 'touching' ? at(subject, object, distance + 0.5, angle) : moved;
  }
  return null;
}

/** A distance at which two silhouettes cannot meet yet: corners reach 1.32 radii at most. */
function reachOf(a: Placed, b: Placed): number {
  const reach = (placed: Placed): number =>
    placed.radius * (placed.shape === 'square' ? 1.25 : placed.shape === 'triangle' ? 1.32 : 1);
  return reach(a) + reach(b);
}

function at(subject: Placed, object: Placed, distance: number, angle: number): Placed {
  return { ...subject, x: object.x + distance * Math.cos(angle), y: object.y + distance * Math.sin(angle) };
}

function isInFrame(placed: Placed): boolean {
  const extents = EXTENTS[placed.shape];
  const near = FRAME_PIXELS;
  const far = IMAGE_SIZE - FRAME_PIXELS;
  return (
    placed.x - extents.left * placed.radius >= near &&
    placed.x + extents.right * placed.radius <= far &&
    placed.y - extents.top * placed.radius >= near &&
    placed.y + extents.bottom * placed.radius <= far
  );
}

/** Everything said holds, with a margin, and everything unsaid keeps apart. */
function isClear(prompt: ShapesPrompt, placed: readonly Placed[], colors: readonly Color[]): boolean {
  if (!placed.every(isInFrame)) return false;
  for (let i = 0; i < placed.length; i += 1) {
    for (let j = i + 1; j < placed.length; j += 1) {
      const a = placed[i];
      const b = placed[j];
      if (a === undefined || b === undefined) return false;
      const phrase = prompt.relations.find(
        (one) => (one.subject === i && one.object === j) || (one.subject === j && one.object === i),
      );
      const gap = colors[i] === colors[j] ? SAME_COLOR_GAP_PIXELS : GAP_PIXELS;
      if (phrase === undefined || !isContact(phrase.relation)) {
        if (!areApart(a, b, gap)) return false;
      }
      if (phrase !== undefined) {
        const [subject, object] = phrase.subject === i ? [a, b] : [b, a];
        if (!holdsClearly(phrase.relation, subject, object)) return false;
      }
    }
  }
  return true;
}

function areApart(a: Placed, b: Placed, gap: number): boolean {
  const boxA = EXTENTS[a.shape];
  const boxB = EXTENTS[b.shape];
  return (
    a.x + boxA.right * a.radius + gap <= b.x - boxB.left * b.radius ||
    b.x + boxB.right * b.radius + gap <= a.x - boxA.left * a.radius ||
    a.y + boxA.bottom * a.radius + gap <= b.y - boxB.top * b.radius ||
    b.y + boxB.bottom * b.radius + gap <= a.y - boxA.top * a.radius
  );
}

function holdsClearly(relation: Relation, subject: Placed, object: Placed): boolean {
  if (!holds(relation, subject, object)) return false;
  switch (relation) {
    case 'left':
    case 'right':
      return Math.abs(subject.x - object.x) >= Math.max(11, 1.3 * Math.abs(subject.y - object.y) + 2);
    case 'above':
    case 'below':
      return Math.abs(subject.y - object.y) >= Math.max(11, 1.3 * Math.abs(subject.x - object.x) + 2);
    case 'touching':
      return overlapShare(subject, object) < 0.02;
    case 'inside':
      return (
        containedShare(subject, object) === 1 &&
        (object.shape !== 'ring' || overlapShare(subject, object) === 0)
      );
    case 'overlapping': {
      const share = overlapShare(subject, object);
      return share >= 0.15 && share <= 0.42;
    }
    default:
      return relation satisfies never;
  }
}

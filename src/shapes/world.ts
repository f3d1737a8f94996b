/**
 * The vocabulary of the shapes world: what can be drawn, said and scored.
 *
 * Images are 64 x 64 RGB on a dark plain background. Categories follow T2I-CompBench (Huang et al. 2023),
 * with `single` added for one-object prompts.
 */
export const IMAGE_SIZE = 64;

export const SHAPES = ['circle', 'square', 'triangle', 'star', 'cross', 'ring'] as const;
export type Shape = (typeof SHAPES)[number];

export const COLORS = ['red', 'green', 'blue', 'yellow', 'purple', 'orange', 'white', 'cyan'] as const;
export type Color = (typeof COLORS)[number];

export const TEXTURES = ['solid', 'striped', 'dotted'] as const;
export type Texture = (typeof TEXTURES)[number];

export const SIZES = ['small', 'big'] as const;
export type Size = (typeof SIZES)[number];

/** Relations between a subject and an object: four directions and three contacts. */
export const DIRECTIONS = ['left', 'right', 'above', 'below'] as const;
export const CONTACTS = ['touching', 'inside', 'overlapping'] as const;
export const RELATIONS = [...DIRECTIONS, ...CONTACTS] as const;
export type Direction = (typeof DIRECTIONS)[number];
export type Contact = (typeof CONTACTS)[number];
export type Relation = (typeof RELATIONS)[number];

export const CATEGORIES = [
  'single',
  'color',
  'shape',
  'texture',
  'spatial',
  'nonSpatial',
  'complex',
] as const;
export type Category = (typeof CATEGORIES)[number];

export type Rgb = readonly [number, number, number];

export const COLOR_RGB: Readonly<Record<Color, Rgb>> = {
  red: [220, 50, 47],
  green: [60, 180, 75],
  blue: [50, 90, 220],
  yellow: [240, 210, 50],
  purple: [150, 60, 190],
  orange: [245, 130, 40],
  white: [240, 240, 240],
  cyan: [70, 200, 220],
};

/** Brightness of the dark parts of a pattern, as a share of the color. */
export const DARK_SHARE = 0.35;
/**
 * Patterns are anchored to the image, not to the object, and repeat every eight pixels: the size of a latent cell, so
 * that a small autoencoder can hold them. Stripes run along x + y = constant; dots sit in the middle of the cells.
 */
export const PATTERN_PERIOD = 8;
export const STRIPE_BRIGHT = 5;
export const DOT_RADIUS = 2.2;

/** Radii in pixels, [smallest, largest]. Holders and fillings are the two objects of `inside`. */
export const RADII = {
  small: [7.5, 9],
  big: [12, 14.5],
  holder: [18, 20.5],
  filling: [7.5, 9],
} as const;
/** An object counts as small below this radius. */
export const SIZE_BOUNDARY = 10.5;

/** What a prompt says about one object; null means it says nothing. */
export type ObjectPhrase = {
  readonly shape: Shape;
  readonly color: Color | null;
  readonly texture: Texture | null;
  readonly size: Size | null;
};

/** `subject` and `object` are indices into the phrases of the prompt. */
export type RelationPhrase = {
  readonly relation: Relation;
  readonly subject: number;
  readonly object: number;
};

/** A prompt as data. Objects without a relation between them are joined by "and". */
export type ShapesPrompt = {
  readonly objects: readonly ObjectPhrase[];
  readonly relations: readonly RelationPhrase[];
};

/** One drawn object. Center and radius in pixels. */
export type SceneObject = {
  readonly shape: Shape;
  readonly color: Color;
  readonly texture: Texture;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
};

/** `objects` in the order of the prompt; `drawOrder` lists their indices, the last one on top. */
export type Scene = {
  readonly background: Rgb;
  readonly objects: readonly SceneObject[];
  readonly drawOrder: readonly number[];
};

/** Color-shape pairs that no training image shows and no training prompt names. */
const UNSEEN_PAIRS: readonly (readonly [Color, Shape])[] = [
  ['purple', 'star'],
  ['cyan', 'triangle'],
  ['orange', 'cross'],
  ['white', 'ring'],
  ['yellow', 'square'],
  ['blue', 'circle'],
];

/** Small stars are too thin to carry a pattern: with one they are always big. */
export function isTooSmall(phrase: Pick<ObjectPhrase, 'shape' | 'texture' | 'size'>): boolean {
  const patterned = phrase.texture !== null && phrase.texture !== 'solid';
  return phrase.shape === 'star' && patterned && phrase.size === 'small';
}

/** True for a combination kept out of training. */
export function isUnseen(color: Color | null, shape: Shape): boolean {
  return UNSEEN_PAIRS.some(([unseenColor, unseenShape]) => unseenColor === color && unseenShape === shape);
}

/** Which split and category a prompt belongs to: functions of its meaning alone. */
import { type Category, CONTACTS, isUnseen, type ObjectPhrase, type ShapesPrompt } from './world.ts';

/**
 * `train`, `val` and `test` share no meaning (a prompt and its mirror image are in the same split). `unseen` prompts
 * name at least one combination kept out of training; `hard` prompts have three objects.
 */
export const SPLITS = ['train', 'val', 'test', 'unseen', 'hard'] as const;
export type Split = (typeof SPLITS)[number];

const TRAIN_SHARE = 0.7;
const VAL_SHARE = 0.1;

/** One string per meaning: "a left of b" and "b right of a" share it, as do "a and b" and "b and a". */
export function meaningKey(prompt: ShapesPrompt): string {
  const name = (phrase: ObjectPhrase | undefined): string =>
    phrase === undefined ? '' : [phrase.shape, phrase.color, phrase.texture, phrase.size].join('.');
  const objects = prompt.objects.map(name).sort().join(' ');
  const relations = prompt.relations.map((one) => {
    const subject = name(prompt.objects[one.subject]);
    const object = name(prompt.objects[one.object]);
    switch (one.relation) {
      case 'right':
        return `${object} left ${subject}`;
      case 'below':
        return `${object} above ${subject}`;
      case 'touching':
      case 'overlapping':
        return [subject, object].sort().join(` ${one.relation} `);
      default:
        return `${subject} ${one.relation} ${object}`;
    }
  });
  return [objects, ...relations.sort()].join('; ');
}

/** FNV-1a, 32 bits: only spreads meanings over the splits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  // FNV's low bits mix well, its high bits poorly; fold them before the division.
  return ((value ^ (value >>> 15)) >>> 0) / 2 ** 32;
}

/** The split a prompt belongs to. */
export function splitOf(prompt: ShapesPrompt): Split {
  if (prompt.objects.length > 2) return 'hard';
  if (prompt.objects.some((phrase) => isUnseen(phrase.color, phrase.shape))) return 'unseen';
  const place = hash(meaningKey(prompt));
  if (place < TRAIN_SHARE) return 'train';
  return place < TRAIN_SHARE + VAL_SHARE ? 'val' : 'test';
}

/** The category whose form a prompt has; prompts that say more than one kind of thing are complex. */
export function categoryOf(prompt: ShapesPrompt): Category {
  if (prompt.objects.length === 1) return 'single';
  const says = (attribute: 'color' | 'texture' | 'size'): boolean =>
    prompt.objects.some((phrase) => phrase[attribute] !== null);
  const relation = prompt.relations[0]?.relation;
  const contact = CONTACTS.some((name) => name === relation);
  const colors = new Set(prompt.objects.map((phrase) => phrase.color));
  if (relation !== undefined) {
    if (says('texture') || says('size')) return 'complex';
    return contact ? 'nonSpatial' : 'spatial';
  }
  // One color for all objects, or none, leaves the other attribute as what the prompt is about.
  if (says('texture')) return says('size') || colors.size > 1 ? 'complex' : 'texture';
  if (colors.size > 1) return says('size') ? 'complex' : 'color';
  return 'shape';
}

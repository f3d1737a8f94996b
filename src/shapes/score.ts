/** The exact score of an image against a prompt, from pixels alone. */
import { StudioError } from '../lib/errors.ts';
import { judge, type Verdict, type Witness } from './claims.ts';
import { type FoundObject, findObjects } from './find.ts';
import { parsePrompt } from './parse.ts';
import { IMAGE_SIZE } from './world.ts';

/** More objects than any prompt names, so that noise cannot make the search for an assignment slow. */
const MAX_OBJECTS = 6;

export type ExactScore = {
  /** Share of the claims that hold, 0 to 1. */
  readonly share: number;
  /** Whether all of them hold. */
  readonly strict: boolean;
  readonly claims: readonly Verdict[];
};

/** Finds the objects of an image once, to score it against several prompts. */
export function findWitnesses(rgb: Uint8Array): Witness[] {
  if (rgb.length !== IMAGE_SIZE * IMAGE_SIZE * 3) {
    throw new StudioError(
      'shapes-image-size',
      `The shapes score needs 64 x 64 RGB images, not ${rgb.length} bytes.`,
      {
        remedy: 'Score images of the shapes model only, without resizing them.',
      },
    );
  }
  return findObjects(rgb).slice(0, MAX_OBJECTS).map(asWitness);
}

function asWitness({ shape, color, texture, size, fit }: FoundObject): Witness {
  return { shape, color, texture, size, placed: fit };
}

/** Scores found objects; null where the prompt is outside the grammar. */
export function scoreWitnesses(witnesses: readonly Witness[], prompt: string): ExactScore | null {
  const parsed = parsePrompt(prompt);
  if (parsed === null) return null;
  const claims = judge(parsed, witnesses);
  const held = claims.filter((claim) => claim.holds).length;
  return { share: held / claims.length, strict: held === claims.length, claims };
}

/**
 * Scores 64 x 64 x 3 RGB bytes against a prompt; null where the prompt is outside the grammar of the shapes world.
 * @throws StudioError `shapes-image-size` for another image size
 */
export function scoreImage(rgb: Uint8Array, prompt: string): ExactScore | null {
  if (parsePrompt(prompt) === null) return null;
  return scoreWitnesses(findWitnesses(rgb), prompt);
}

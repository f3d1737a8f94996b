/** Which prompts the study uses: every split of the shapes world has one purpose. */
import { samplePromptTexts } from '../../src/shapes/prompts.ts';
import type { Category } from '../../src/shapes/world.ts';

/**
 * `train`: pools that adapters are trained on. `val`: settings are chosen on them. `test`: ranking and alignment are
 * measured on them, and nothing else. `unseen`: the same with combinations that the model never saw.
 */
type Purpose = 'train' | 'val' | 'test' | 'unseen';

/** Test prompts are not those that the models before were measured on (13 and 14, 23 and 24). */
const SEEDS: Readonly<Record<Purpose, number>> = { train: 11, val: 12, test: 33, unseen: 34 };

/** The first `count` prompts of a category; a longer list begins with the shorter one. */
function promptsOf(purpose: Purpose, category: Category, count: number): readonly string[] {
  const key = `${purpose} ${category}`;
  const known = drawn.get(key) ?? [];
  if (known.length >= count) return known.slice(0, count);
  const prompts = samplePromptTexts(purpose, category, Math.max(count, AT_ONCE), SEEDS[purpose]);
  drawn.set(key, prompts);
  return prompts.slice(0, count);
}

/** Plans ask for the same prompts again and again. */
const drawn = new Map<string, readonly string[]>();
const AT_ONCE = 32;

/** The first `count` prompts of every category. */
export function promptsOfAll(
  purpose: Purpose,
  categories: readonly Category[],
  count: number,
): readonly { readonly category: Category; readonly text: string }[] {
  return categories.flatMap((category) =>
    promptsOf(purpose, category, count).map((text) => ({ category, text })),
  );
}

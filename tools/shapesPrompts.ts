/**
 * Prints prompts of the shapes world, one per line: `node tools/run.mjs tools/shapesPrompts.ts [--split train]
 * [--category mixed] [--count 20] [--seed 0]`.
 */
import { parseArgs } from 'node:util';
import { samplePromptTexts } from '../src/shapes/prompts.ts';
import { SPLITS } from '../src/shapes/splits.ts';
import { CATEGORIES } from '../src/shapes/world.ts';
import { usageError } from './lib/usage.ts';

const { values } = parseArgs({
  options: {
    split: { type: 'string', default: 'train' },
    category: { type: 'string', default: 'mixed' },
    count: { type: 'string', default: '20' },
    seed: { type: 'string', default: '0' },
  },
});
const split = SPLITS.find((name) => name === values.split);
const category = [...CATEGORIES, 'mixed' as const].find((name) => name === values.category);
if (split === undefined || category === undefined) {
  throw usageError(
    `Give --split as one of ${SPLITS.join(', ')} and --category as one of ${CATEGORIES.join(', ')}, mixed.`,
  );
}
console.log(samplePromptTexts(split, category, Number(values.count), Number(values.seed)).join('\n'));

import { useRuns } from '../../state/run/runs.ts';
import styles from './page.module.css';

/** What a stage does, for somebody who sees it for the first time. The figures are those of `docs/demo-check.md`. */
const WORDS = {
  build:
    'The model predicts every step of a picture twice, with the prompt and without it. How much the two differ, summed over the drawing, estimates the information that picture and prompt share: MI. A picture that forgets one of two named objects follows its prompt less, and usually scores lower.',
  select:
    'Of every prompt the pictures with the most MI are kept to learn from. Nobody looks at them and no other model judges them; the exact percentages beside them are for you, and take no part in the choice.',
  train:
    'A small adapter learns to draw what was kept. It never sees the held-out prompts: whether it helped is measured on those, with newly drawn pictures.',
  compare:
    'MI sees strongly whether a named object is missing, somewhat whether a relation is wrong, and hardly whether two colors are swapped. So expect fewer forgotten objects, and colors that are mixed up as often as before. Over ten seeds of the first example the exact score rose by 16.6 points (95% interval 14.2 to 18.8); training in the same way on pictures chosen by lot gave 3.9 (0.6 to 7.2).',
} as const;

/** Plain words while a run of the built-in world works, where the reader may be new to all of this. */
export function PlainWords({ of }: { readonly of: keyof typeof WORDS }) {
  const demo = useRuns((state) => state.open?.spec.preset === 'demo');
  return demo ? <p className={styles.plainWords}>{WORDS[of]}</p> : null;
}

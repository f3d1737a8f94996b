/** T2I-CompBench's score of complex prompts (3_in_1_eval/3_in_1.py): the mean of those metrics that their kind needs. */

/** `spatial`: attributes and places. `action`: attributes and actions. `both`: all three. */
export type ComplexGroup = 'spatial' | 'action' | 'both';

type ThreeScores = { readonly blipVqa: number; readonly unidet: number; readonly clip: number };

export function threeInOne({ blipVqa, unidet, clip }: ThreeScores, group: ComplexGroup): number {
  switch (group) {
    case 'spatial':
      return (unidet + blipVqa) / 2;
    case 'action':
      return (clip + blipVqa) / 2;
    case 'both':
      return (blipVqa + unidet + clip) / 3;
    default:
      return group satisfies never;
  }
}

/** What prompts are looked up by: the text before the first full stop, in lower case. */
export function complexKey(prompt: string): string {
  return (prompt.split('.')[0] as string).toLowerCase();
}

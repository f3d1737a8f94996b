/**
 * peft's patterns for modules: regular expressions that must match the end of a path, from a dot on:
 * `(.*\.)?(pattern)$` (peft, get_pattern_key in utils/other.py).
 *
 * They come from files of strangers, and an expression can be written to take longer than the age of the universe. Those
 * with a repetition inside a repeated group, or with more open repetitions than real patterns have, are not run.
 */

const MAX_LENGTH = 300;
const MAX_REPETITIONS = 3;

/** Null for what is no regular expression, or none that is run. */
export function patternMatcher(pattern: string): ((path: string) => boolean) | null {
  if (pattern.length > MAX_LENGTH || !isTame(pattern)) return null;
  try {
    const expression = new RegExp(`^(?:.*\\.)?(?:${pattern})$`);
    return (path) => expression.test(path);
  } catch {
    return null;
  }
}

function isTame(pattern: string): boolean {
  // What is escaped or in a class repeats nothing.
  const plain = pattern.replace(/\\./g, 'x').replace(/\[(?:[^\]])*\]/g, 'x');
  const repetitions = plain.match(/[*+]|\{\d*,\d*\}/g) ?? [];
  if (repetitions.length > MAX_REPETITIONS) return false;
  const depthHasRepetition: boolean[] = [false];
  for (let i = 0; i < plain.length; i++) {
    const character = plain[i] as string;
    if (character === '(') depthHasRepetition.push(false);
    else if (character === ')') {
      const inner = depthHasRepetition.pop() ?? false;
      if (inner && /^[*+{]/.test(plain.slice(i + 1))) return false;
      if (inner) depthHasRepetition[depthHasRepetition.length - 1] = true;
    } else if (/[*+{]/.test(character)) depthHasRepetition[depthHasRepetition.length - 1] = true;
  }
  return true;
}

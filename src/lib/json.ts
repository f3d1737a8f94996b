/** The value of JSON text, unchecked. @throws what `failure` makes of the parser's complaint */
export function parseJson(text: string, failure: (cause: unknown) => Error): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw failure(cause);
  }
}

/**
 * The first key that an object in valid JSON text repeats at its top level, or undefined. `JSON.parse` keeps the last
 * of two equal keys without a word, which in a file format hides data.
 *
 * @param json text that `JSON.parse` accepts
 */
export function findDuplicateKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let keyExpected = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === '"') {
      const start = i;
      for (i++; json[i] !== '"'; i++) if (json[i] === '\\') i++;
      if (!keyExpected) continue;
      const key = JSON.parse(json.slice(start, i + 1)) as string; // `"a"` and `"\u0061"` are the same key
      if (seen.has(key)) return key;
      seen.add(key);
      keyExpected = false;
    } else if (character === '{' || character === '[') {
      depth++;
      keyExpected = depth === 1 && character === '{';
    } else if (character === '}' || character === ']') {
      depth--;
    } else if (character === ',') {
      keyExpected = depth === 1;
    }
  }
  return undefined;
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parsePromptList } from '../../../src/formats/promptList.ts';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import { splitOf } from '../../../src/shapes/splits.ts';
import { ROOT } from '../../../tools/lib/dependencies.mjs';

const folder = join(ROOT, 'public', 'prompts');
const lists = readdirSync(folder).filter((name) => name.endsWith('.txt'));

test.each(lists)('the example list %s is within the grammar and no study measures on it', (name) => {
  const { prompts } = parsePromptList(name, readFileSync(join(folder, name), 'utf8'));
  const splits = prompts.map(({ text }) => {
    const prompt = parsePrompt(text);
    return prompt === null ? `not understood: ${text}` : splitOf(prompt);
  });
  expect([...new Set(splits)]).toEqual(['train']);
});

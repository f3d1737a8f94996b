/** What prompts speak of: objects and noun phrases, as the grammar reads them and as the user corrects them. */
import { useEffect, useState } from 'react';
import type { Reading } from '../../contract/spec.ts';
import { readPrompt } from '../../prompts/reading.ts';
import type { EditedReadings } from './settings.ts';

/** What the grammar reads in these prompts; a prompt is absent until it was read. The tagger is loaded on first use. */
export function useFoundReadings(prompts: readonly string[]): ReadonlyMap<string, Reading> {
  const [found, setFound] = useState<ReadonlyMap<string, Reading>>(() => new Map());
  useEffect(() => {
    let current = true;
    void Promise.all(prompts.map(async (prompt) => [prompt, await readPrompt(prompt)] as const)).then(
      (read) => {
        if (current) setFound(new Map(read));
      },
    );
    return () => {
      current = false;
    };
  }, [prompts]);
  return found;
}

/** The readings with one prompt's changed; one that says what the grammar found is no change. */
export function withReading(
  edited: EditedReadings,
  prompt: string,
  reading: Reading,
  found: Reading | undefined,
): EditedReadings {
  const { [prompt]: _, ...others } = edited;
  return JSON.stringify(reading) === JSON.stringify(found) ? others : { ...others, [prompt]: reading };
}

/** One word or phrase a line. */
export function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Those that do not stand in the prompt, and so do nothing. */
export function notInPrompt(prompt: string, words: readonly string[]): readonly string[] {
  const text = prompt.toLowerCase();
  return words.filter((word) => !text.includes(word.toLowerCase()));
}

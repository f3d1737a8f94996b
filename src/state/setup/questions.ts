/** What BLIP-VQA asks about: noun phrases of prompts as they are found, and as they are written line by line. */
import { useEffect, useState } from 'react';
import type { EditedPhrases } from '../../contract/spec.ts';
import { askedPhrases, MAX_QUESTIONS } from '../../metrics/blip/questions.ts';
import { nounPhrases } from '../../metrics/language/nounPhrases.ts';
import { attempt } from '../page/notices.ts';

/** Phrases found in prompts; those of which are not known yet are absent. The tagger is loaded when it is first needed. */
export function useFoundPhrases(prompts: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const [found, setFound] = useState<ReadonlyMap<string, readonly string[]>>(new Map());
  useEffect(() => {
    let current = true;
    const read = async (): Promise<void> => {
      const entries = new Map<string, readonly string[]>();
      for (const prompt of prompts) entries.set(prompt, askedPhrases(await nounPhrases(prompt)));
      if (current) setFound(entries);
    };
    void attempt(read);
    return () => {
      current = false;
    };
  }, [prompts]);
  return found;
}

/** One phrase a line; empty lines ask nothing. */
export function phrasesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(0, MAX_QUESTIONS);
}

/** The changed phrases after one prompt's were written; the found ones, written again, are no change. */
export function withPhrases(
  edited: EditedPhrases,
  prompt: string,
  phrases: readonly string[],
  found: readonly string[] | undefined,
): EditedPhrases {
  const { [prompt]: _, ...others } = edited;
  return JSON.stringify(phrases) === JSON.stringify(found) ? others : { ...others, [prompt]: phrases };
}

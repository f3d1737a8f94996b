/**
 * What metrics ask about: BLIP-VQA noun phrases, as they are found and as they are written line by line; the spatial
 * score two objects and the place of one of them.
 */
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

type Places = {
  /** Prompts that name no place, or not two objects. */
  readonly unplaced: readonly string[];
  /** Prompts that UniDet itself scores 0, whatever the picture shows. */
  readonly alwaysZero: readonly string[];
};

/** What the spatial score can do with prompts; null until they are read. Its tables are loaded when they are needed. */
export function usePlaces(prompts: readonly string[]): Places | null {
  const [places, setPlaces] = useState<Places | null>(null);
  useEffect(() => {
    let current = true;
    const read = async (): Promise<void> => {
      const { askedPlaces } = await import('../../metrics/spatial/promptObjects.ts');
      const unplaced: string[] = [];
      const alwaysZero: string[] = [];
      for (const prompt of new Set(prompts)) {
        const asked = await askedPlaces(prompt);
        if (asked === null) unplaced.push(prompt);
        else if (asked.alwaysZero) alwaysZero.push(prompt);
      }
      if (current) setPlaces({ unplaced, alwaysZero });
    };
    void attempt(read);
    return () => {
      current = false;
    };
  }, [prompts]);
  return places;
}

/** Which prompts the loaded model will not read to their end, known before a run begins. */
import { create } from 'zustand';
import type { Prompt } from '../../formats/promptList.ts';
import { engineClient } from '../page/engineClient.ts';

type LongPrompt = { readonly line: number; readonly tokens: number };

type PromptLengths = {
  /** The list that was measured. */
  readonly prompts: readonly Prompt[];
  /** Tokens that the model reads of a prompt. */
  readonly room: number;
  readonly long: readonly LongPrompt[];
};

export const NO_LENGTHS: PromptLengths = { prompts: [], room: 0, long: [] };

export const usePromptLengths = create<PromptLengths>()(() => NO_LENGTHS);

/** The list that was asked about last. */
let asked: readonly Prompt[] | null = null;

/**
 * Asks the engine, whose model must be loaded. Where it cannot answer nothing is shown: the run says it too.
 * @param room tokens that the model reads of a prompt, without start and end
 */
export async function measurePrompts(prompts: readonly Prompt[], room: number): Promise<void> {
  asked = prompts;
  // A token stands for a byte at least.
  const encoder = new TextEncoder();
  const doubtful = prompts.filter(({ text }) => text.length > room || encoder.encode(text).length > room);
  const tokens = doubtful.length === 0 ? [] : await countTokens(doubtful);
  if (asked !== prompts) return;
  const counted = doubtful.map(({ line }, i) => ({ line, tokens: tokens[i] ?? 0 }));
  usePromptLengths.setState({ prompts, room, long: counted.filter((prompt) => prompt.tokens > room) });
}

async function countTokens(prompts: readonly Prompt[]): Promise<readonly number[]> {
  const texts = prompts.map(({ text }) => text);
  const tokens = await engineClient()
    .call('countTokens', { prompts: texts })
    .catch(() => null);
  return tokens ?? [];
}

import type { MiTuneSpec } from '../contract/spec.ts';
import { philox4x32, shuffle } from '../lib/philox.ts';

/** One entry of the prompt list as the run uses it. */
export type PlannedPrompt = {
  /** Index into the spec's prompt list. */
  readonly prompt: number;
  readonly text: string;
  /** How many times the same text stood before it in the list. */
  readonly occurrence: number;
  readonly heldOut: boolean;
};

const HOLD_OUT_STREAM = 0x686f6c64;

/**
 * The prompts a run draws images for, and which of them are held out for validation.
 *
 * Texts are held out, not lines: a prompt that stands twice in the list is on one side only. With a share above 0 at
 * least one text is held out and at least one is left to train on, where there are two.
 */
export function planPrompts(
  spec: Pick<MiTuneSpec, 'prompts' | 'seed' | 'selection' | 'training'>,
): readonly PlannedPrompt[] {
  const texts = [...new Set(spec.prompts)];
  const { validationShare } = spec.training;
  const wanted =
    validationShare === 0 || texts.length < 2 ? 0 : Math.max(1, Math.round(validationShare * texts.length));
  const order = shuffle(spec.seed, HOLD_OUT_STREAM, texts.length);
  const heldOut = new Set(order.slice(0, Math.min(wanted, texts.length - 1)).map((i) => texts[i]));
  const seen = new Map<string, number>();
  return spec.prompts.flatMap((text, prompt) => {
    const occurrence = seen.get(text) ?? 0;
    seen.set(text, occurrence + 1);
    if (occurrence > 0 && spec.selection.duplicates === 'collapse') return [];
    return [{ prompt, text, occurrence, heldOut: heldOut.has(text) }];
  });
}

/** Indices of the prompts that are held out. */
export function heldOutPrompts(plan: readonly PlannedPrompt[]): number[] {
  return plan.filter((p) => p.heldOut).map((p) => p.prompt);
}

/**
 * Seed of candidate j of a prompt. `shared`: seed + j for every prompt, as the official code does. `distinct`: 32 bits
 * that follow from the run's seed, the prompt's text, its occurrence and j, so that neither the order of the list nor
 * the number of candidates changes an image.
 */
export function candidateSeed(
  spec: Pick<MiTuneSpec, 'seed' | 'selection'>,
  prompt: Pick<PlannedPrompt, 'text' | 'occurrence'>,
  candidate: number,
): number {
  if (spec.selection.seeds === 'shared') return spec.seed + candidate;
  const key = [spec.seed >>> 0, Math.floor(spec.seed / 2 ** 32) >>> 0] as const;
  return philox4x32([fnv1a(prompt.text), prompt.occurrence, candidate, 0x73656564], key)[0];
}

/** FNV-1a over the UTF-8 bytes, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

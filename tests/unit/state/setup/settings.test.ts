import { beforeEach, describe, expect, test } from 'vitest';
import { presetSettings } from '../../../../src/contract/presets.ts';
import { PROMPT_LIMITS } from '../../../../src/contract/prompt.ts';
import { setField } from '../../../../src/contract/settings.ts';
import { useNotices } from '../../../../src/state/page/notices.ts';
import { openRunFile } from '../../../../src/state/setup/dropped.ts';
import { promptTexts, setPromptFile, usePrompts } from '../../../../src/state/setup/prompts.ts';
import {
  buildSpec,
  changedPaths,
  INITIAL_DRAFT,
  replaceDraft,
  useSettings,
} from '../../../../src/state/setup/settings.ts';

test('a changed setting makes a preset custom, and undoing it restores the preset', () => {
  const changed = setField(presetSettings('demo'), 'sampling.steps', 31);
  expect(changedPaths({ base: 'demo', settings: changed })).toEqual(['sampling.steps']);
  expect(buildSpec({ ...INITIAL_DRAFT, settings: changed }, []).preset).toBe('custom');
  expect(buildSpec(INITIAL_DRAFT, []).preset).toBe('demo');
});

describe('opening a run file', () => {
  const open = (prompts: readonly string[]) =>
    openRunFile('run.json', new Blob([JSON.stringify({ ...buildSpec(INITIAL_DRAFT, prompts), seed: 7 })]));

  beforeEach(() => {
    replaceDraft(INITIAL_DRAFT);
    setPromptFile('mine.txt', 'a white star');
  });

  test('takes over its settings and prompts, tabs and all', async () => {
    const prompts = ['a red circle', 'a red circle', 'b\tc'];
    await open(prompts);
    expect(useSettings.getState().seed).toBe(7);
    expect(promptTexts(usePrompts.getState().list)).toEqual(prompts);
    expect(JSON.stringify(useNotices.getState())).toContain('run.json opened: settings and 3 prompts.');
  });

  test('with too many prompts leaves everything as it was', async () => {
    const many = Array.from({ length: PROMPT_LIMITS.prompts + 1 }, (_, i) => `prompt ${i}`);
    await expect(open(many)).rejects.toMatchObject({ code: 'run-file-invalid', where: 'prompts' });
    expect(useSettings.getState().seed).toBe(INITIAL_DRAFT.seed);
    expect(promptTexts(usePrompts.getState().list)).toEqual(['a white star']);
  });

  test('whose prompts together are longer than a list may be leaves everything as it was', async () => {
    const { prompts, promptCharacters, fileCharacters } = PROMPT_LIMITS;
    const long = Array.from({ length: Math.min(prompts, fileCharacters / promptCharacters + 1) }, () =>
      'x'.repeat(promptCharacters),
    );
    await expect(open(long)).rejects.toMatchObject({ code: 'prompts-too-large', where: 'run.json' });
    expect(promptTexts(usePrompts.getState().list)).toEqual(['a white star']);
  });
});

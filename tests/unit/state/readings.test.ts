// Readings of prompts as they are corrected, and how they reach a run.

import { expect, test } from 'vitest';
import { linesOf, notInPrompt, withReading } from '../../../src/state/setup/readings.ts';
import { buildSpec, draftOf, INITIAL_DRAFT } from '../../../src/state/setup/settings.ts';

const PROMPT = 'a red cat and a dog';
const found = { objects: ['cat', 'dog'], phrases: ['a red cat', 'a dog'] };

test('a reading that says what was found is no change', () => {
  const edited = withReading({}, PROMPT, { ...found, objects: ['cat'] }, found);
  expect(edited).toEqual({ [PROMPT]: { objects: ['cat'], phrases: found.phrases } });
  expect(withReading(edited, PROMPT, found, found)).toEqual({});
});

test('words are lines; those that do not stand in the prompt are told', () => {
  expect(linesOf(' cat \n\ndog\n')).toEqual(['cat', 'dog']);
  expect(notInPrompt(PROMPT, ['Cat', 'a dog', 'cow'])).toEqual(['cow']);
});

test('a run has the readings of its own prompts, and its draft has them again', () => {
  const readings = {
    [PROMPT]: { objects: ['cat'], phrases: [] },
    'another prompt': { objects: [], phrases: [] },
  };
  const spec = buildSpec({ ...INITIAL_DRAFT, readings }, [PROMPT]);
  expect(spec.readings).toEqual({ [PROMPT]: { objects: ['cat'], phrases: [] } });
  expect(draftOf(spec).readings).toEqual(spec.readings);
  expect('readings' in buildSpec({ ...INITIAL_DRAFT, readings }, ['a cube'])).toBe(false);
});

import { expect, test } from 'vitest';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import {
  ASKED_BY_TASK,
  type ProfiledImage,
  profileOf,
  type SeenObject,
} from '../../../src/shapes/profile.ts';
import type { Color, Shape, ShapesPrompt } from '../../../src/shapes/world.ts';

function seen(shape: Shape, color: Color, x: number, y: number): SeenObject {
  return { shape, color, placed: { shape, x, y, radius: 8 } };
}

function prompt(text: string): ShapesPrompt {
  const parsed = parsePrompt(text);
  if (parsed === null) throw new Error('outside the grammar');
  return parsed;
}

test('a model that draws everything succeeds everywhere, one that draws nothing nowhere', () => {
  const single = prompt('a red circle');
  const pair = prompt('a red circle and a blue square');
  const place = prompt('a red circle on the left of a blue square');
  const both = [seen('circle', 'red', 16, 32), seen('square', 'blue', 48, 32)];
  const rows = (objects: readonly SeenObject[]) =>
    profileOf(
      new Map([
        ['single', [{ prompt: single, objects }]],
        ['color', [{ prompt: pair, objects }]],
        ['spatial', [{ prompt: place, objects }]],
      ]),
    );
  expect(rows(both).map(({ share }) => share)).toEqual([1, 1, 1, 1, 1]);
  expect(rows([]).map(({ share }) => share)).toEqual([0, 0, 0, 0, 0]);
});

test.each([
  ['one of two objects', [seen('circle', 'red', 16, 32)], { both: false, binding: false }],
  [
    'swapped colors, which still are both objects',
    [seen('circle', 'blue', 16, 32), seen('square', 'red', 48, 32)],
    { both: true, binding: false },
  ],
  [
    'a third object, which does not count against it',
    [seen('circle', 'red', 16, 32), seen('square', 'blue', 48, 32), seen('star', 'red', 32, 10)],
    { both: true, binding: true },
  ],
] as const)('tells %s', (_, objects, expected) => {
  const image: ProfiledImage = { prompt: prompt('a red circle and a blue square'), objects };
  for (const [id, succeeds] of Object.entries(expected))
    expect(ASKED_BY_TASK[id as keyof typeof expected].succeeds(image), id).toBe(succeeds);
});

test('places count only where both objects are', () => {
  const task = ASKED_BY_TASK.position;
  const asked = prompt('a circle above a square');
  const at = (...objects: SeenObject[]) => task.succeeds({ prompt: asked, objects });
  expect(at(seen('circle', 'red', 32, 16), seen('square', 'red', 32, 48))).toBe(true);
  expect(at(seen('circle', 'red', 32, 48), seen('square', 'red', 32, 16))).toBe(false);
  expect(at(seen('circle', 'red', 32, 16))).toBe(false);
});

test('near means within ten points of the reference or of its range', () => {
  const asked = prompt('a red circle');
  const rowsOf = (hits: number) =>
    profileOf(
      new Map([
        [
          'single',
          Array.from({ length: 100 }, (_, i) => ({
            prompt: asked,
            objects: i < hits ? [seen('circle', 'red', 32, 32)] : [],
          })),
        ],
      ]),
    );
  const nearOf = (hits: number, id: string) => rowsOf(hits).find(({ task }) => task.id === id)?.near;
  expect([nearOf(88, 'single'), nearOf(87, 'single')]).toEqual([true, false]);
  expect([nearOf(95, 'color'), nearOf(96, 'color'), nearOf(74, 'color')]).toEqual([true, false, false]);
});

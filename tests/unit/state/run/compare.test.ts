// The columns of a comparison as they are set up.

import { beforeEach, expect, test } from 'vitest';
import {
  addColumn,
  changeColumn,
  forgetComparison,
  MAX_COLUMNS,
  OWN_ADAPTER,
  removeColumn,
  typedPrompts,
  useCompare,
} from '../../../../src/state/run/compare.ts';

const columns = () => useCompare.getState().columns;
beforeEach(forgetComparison);

test('begin with the base model beside the run’s own adapter', () => {
  expect(columns().map(({ adapter }) => adapter)).toEqual([null, OWN_ADAPTER]);
});

test('are added like the last one, changed and removed by key, up to a limit', () => {
  const last = columns()[1];
  changeColumn(last?.key as number, {
    adapter: 'import:x',
    drawnBy: { name: 'mi-maps', options: { stepSize: 0.1 } },
  });
  addColumn();
  expect(columns()[2]).toMatchObject({ adapter: 'import:x', drawnBy: { options: { stepSize: 0.1 } } });
  removeColumn(last?.key as number);
  expect(columns().map(({ adapter }) => adapter)).toEqual([null, 'import:x']);
  for (let n = 0; n < 2 * MAX_COLUMNS; n++) addColumn();
  expect(columns()).toHaveLength(MAX_COLUMNS);
  expect(new Set(columns().map(({ key }) => key)).size).toBe(MAX_COLUMNS);
});

test('prompts are lines, each once', () => {
  expect(typedPrompts(' a dog \n\na cat\na dog')).toEqual(['a dog', 'a cat']);
});

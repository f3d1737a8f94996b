import * as v from 'valibot';
import { expect, test } from 'vitest';
import { headSchema } from '../../../src/storage/runRecord.ts';

test('heads of versions that called the ranking of real images `score` open', () => {
  const head = {
    version: 1,
    id: 'run-1',
    name: 'colors',
    createdAt: 1,
    updatedAt: 2,
    status: 'paused',
    stage: 'score',
    round: 0,
    progress: 0.5,
    seconds: { pool: 3, score: 4 },
  };
  expect(v.parse(headSchema, head)).toEqual({
    ...head,
    stage: 'real-images',
    seconds: { pool: 3, 'real-images': 4 },
  });
});

// The long form of the power cuts: `npm run torture` starts it, with where to write and until when in the environment.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { openNodeSession } from '../../tests/helpers/nodeStudio.ts';
import { type CutCase, type FullCase, fullDiskCase, powerCutCase, undisturbed } from './powerCuts.ts';

const { TORTURE_OUT: out = '', TORTURE_UNTIL: until = '0', TORTURE_CASES: cases = '0' } = process.env;

it('comes to the same end after every power cut', async () => {
  const session = await openNodeSession();
  const expected = await undisturbed(session);
  const done = existsSync(out) ? readFileSync(out, 'utf8').split('\n').filter(Boolean).length : 0;
  const failed: CutCase[] = [];
  for (let seed = done; seed < Number(cases) && Date.now() < Number(until); seed++) {
    const result = await powerCutCase(session, seed, expected);
    appendFileSync(out, `${JSON.stringify(result)}\n`);
    if (result.result === 'failed') failed.push(result);
  }
  expect(failed).toEqual([]);
});

it('comes to the same end wherever the disk was full', async () => {
  const session = await openNodeSession();
  const expected = await undisturbed(session);
  const path = join(dirname(out), 'full.jsonl');
  const done = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).length : 0;
  const failed: FullCase[] = [];
  for (let seed = done; seed < expected.writes && Date.now() < Number(until); seed++) {
    const result = await fullDiskCase(session, seed, expected);
    appendFileSync(path, `${JSON.stringify(result)}\n`);
    if (result.reason !== null) failed.push(result);
  }
  expect(failed).toEqual([]);
});

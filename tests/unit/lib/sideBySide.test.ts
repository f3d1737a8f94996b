import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sideBySide } from '../../../src/lib/sideBySide.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function all<R>(results: AsyncGenerator<R>): Promise<R[]> {
  const list: R[] = [];
  for await (const result of results) list.push(result);
  return list;
}

describe('sideBySide', () => {
  it('gives the results in order, each job done once, whoever does it and however long it takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 3 }), { maxLength: 25 }),
        fc.array(fc.array(fc.constantFrom('does', 'cannot', 'fails'), { maxLength: 12 }), { maxLength: 4 }),
        async (times, plans) => {
          const done: number[] = [];
          const own = async (ms: number, index: number): Promise<string> => {
            await pause(ms);
            done.push(index);
            return `result ${index}`;
          };
          const others = plans.map((plan) => {
            let turn = 0;
            return async (ms: number, index: number): Promise<string | null> => {
              const does = plan[turn++] ?? 'does';
              if (does === 'does') return own(ms, index);
              await pause(ms);
              if (does === 'fails') throw new Error('a drawer died');
              return null;
            };
          });
          expect(await all(sideBySide(times, own, others))).toEqual(times.map((_, i) => `result ${i}`));
          expect(done.sort((a, b) => a - b)).toEqual(times.map((_, i) => i));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('lets others work while one waits, and shares the work', async () => {
    const by: string[] = [];
    const worker = (name: string) => async (job: number) => {
      by.push(name);
      await pause(5);
      return job;
    };
    const jobs = Array.from({ length: 12 }, (_, i) => i);
    expect(await all(sideBySide(jobs, worker('own'), [worker('other')]))).toEqual(jobs);
    const own = by.filter((name) => name === 'own').length;
    expect(own).toBeGreaterThanOrEqual(4);
    expect(own).toBeLessThanOrEqual(8);
  });

  it('asks whoever gave up no more', async () => {
    let asked = 0;
    const jobs = [1, 2, 3, 4, 5];
    const helper = async (): Promise<number | null> => {
      asked++;
      return null;
    };
    expect(await all(sideBySide(jobs, async (job) => job, [helper]))).toEqual(jobs);
    expect(asked).toBe(1);
  });

  it('throws what its own work throws, and begins nothing more', async () => {
    const begun: number[] = [];
    const own = async (job: number): Promise<number> => {
      if (job === 2) throw new Error('no numbers');
      await pause(3);
      return job;
    };
    const other = async (job: number): Promise<number> => {
      begun.push(job);
      await pause(1);
      return job;
    };
    await expect(all(sideBySide([2, 3, 4, 5, 6], own, [other]))).rejects.toThrow('no numbers');
    const then = begun.length;
    await pause(20);
    expect(begun.length).toBe(then);
  });

  it('stops others when nobody wants the rest', async () => {
    const begun: number[] = [];
    const other = async (job: number): Promise<number> => {
      begun.push(job);
      await pause(1);
      return job;
    };
    for await (const _ of sideBySide([1, 2, 3, 4, 5, 6, 7, 8], other, [other])) break;
    const then = begun.length;
    await pause(20);
    expect(begun.length).toBe(then);
  });
});

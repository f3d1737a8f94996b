/**
 * Does jobs by oneself while others do some of those that come after, and yields the results in the order of the jobs, so that
 * who did one does not show.
 *
 * @param own must give the same result as `others`
 * @param others each does one job at a time, and is not asked again once it gave null or failed: its job is done by oneself
 * @throws what `own` throws
 */
export async function* sideBySide<J, R>(
  jobs: readonly J[],
  own: (job: J, index: number) => Promise<R>,
  others: readonly ((job: J, index: number) => Promise<R | null>)[],
): AsyncGenerator<R> {
  if (jobs.length === 0) return;
  const results = new Map<number, R>();
  /** Jobs in others' hands; settles when the result is there or will not come. */
  const inHand = new Map<number, Promise<void>>();
  let next = 0;
  let isOver = false;
  const work = async (other: (typeof others)[number]): Promise<void> => {
    while (!isOver && next < jobs.length) {
      const index = next++;
      const done = other(jobs[index] as J, index).catch(() => null);
      inHand.set(
        index,
        done.then((result) => {
          inHand.delete(index);
          if (result !== null) results.set(index, result);
        }),
      );
      if ((await done) === null) return;
    }
  };
  const doOne = async (index: number): Promise<void> => {
    results.set(index, await own(jobs[index] as J, index));
  };
  try {
    // The first is done by oneself, so that a single job is not given away.
    const first = doOne(next++);
    for (const other of others) void work(other);
    await first;
    for (let due = 0; due < jobs.length; due++) {
      while (!results.has(due)) {
        if (next <= due) next = due + 1;
        if (!inHand.has(due)) await doOne(due);
        else if (next < jobs.length) await doOne(next++);
        else await inHand.get(due);
      }
      yield results.get(due) as R;
      results.delete(due);
    }
  } finally {
    isOver = true;
  }
}

/** Does steps on the workers, in order, as far as the time allows. */
import type { PageRequest, PageResult } from './protocol.ts';
import type { Step } from './steps.ts';
import type { Store } from './store.ts';

type RunOptions = {
  readonly workers: readonly { run(request: PageRequest): Promise<PageResult> }[];
  /** No step is begun after this time, in milliseconds of `now`. */
  readonly deadline: number;
  readonly now: () => number;
  readonly onDone: (step: Step, seconds: number) => void;
};

/**
 * Every worker takes the first step that is not done and whose needs are. A step that fails ends the run once the
 * steps at hand are done.
 * @returns whether all steps are done
 */
export async function runSteps(steps: readonly Step[], store: Store, options: RunOptions): Promise<boolean> {
  const { workers, deadline, now, onDone } = options;
  const taken = new Set<string>();
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | null = null;
  const next = (): Step | undefined =>
    steps.find(({ id, needs }) => !store.has(id) && !taken.has(id) && needs.every((need) => store.has(need)));
  const work = async (worker: RunOptions['workers'][number]): Promise<void> => {
    while (failure === null && now() < deadline) {
      const step = next();
      if (step === undefined) {
        // What is left waits for steps that other workers are doing.
        if (running.size === 0) return;
        await Promise.race(running);
        continue;
      }
      taken.add(step.id);
      const doing = doStep(worker, step);
      running.add(doing);
      await doing;
      running.delete(doing);
    }
  };
  const doStep = async (worker: RunOptions['workers'][number], step: Step): Promise<void> => {
    const start = now();
    try {
      const result = await worker.run(step.request(store));
      const seconds = (now() - start) / 1000;
      store.add(step.id, result, seconds);
      onDone(step, seconds);
    } catch (error) {
      failure ??= { error };
    }
  };
  await Promise.all(workers.map(work));
  const met = failure as { readonly error: unknown } | null;
  if (met !== null) throw met.error;
  return steps.every(({ id }) => store.has(id));
}

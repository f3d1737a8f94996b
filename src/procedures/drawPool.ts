/** Algorithm 1, first half: M candidates per prompt, drawn by Algorithm 2 in fixed batches. */

import { drawnAtOnce } from '../contract/policy.ts';
import { sideBySide } from '../lib/sideBySide.ts';
import type { CutGroup } from '../mi/earlyStop.ts';
import {
  type DrawJob,
  type DrawnCandidate,
  type DrawOptions,
  drawElsewhere,
  drawJob,
  type Row,
} from './drawJob.ts';
import { batchesOf } from './drawRows.ts';
import { guidanceRule } from './drawRule.ts';
import type { Session } from './session.ts';
import type { Tuned } from './tuned.ts';

export type PoolTask = {
  /** Index into the run's prompt list, and its text. */
  readonly prompt: number;
  readonly text: string;
  readonly candidates: readonly { readonly candidate: number; readonly seed: number }[];
  /** Who goes on where the pool is thinned out on the way (`DrawOptions.stop`); all are drawn to the end where absent. */
  readonly thin?: Pick<CutGroup, 'known' | 'goOn'> | undefined;
};

/**
 * Draws the tasks' candidates and yields them batch by batch, in order; batches that keep a GPU busy are of several prompts.
 * A candidate's numbers do not depend on which others share its batch, who is given up beside it nor who draws it, so a run
 * may stop after any yield and go on with what is missing, batches that do not fit into memory are split, and a crew may
 * draw some.
 */
export async function* drawPool(
  session: Session,
  tuned: Tuned | null,
  tasks: readonly PoolTask[],
  options: DrawOptions,
): AsyncGenerator<readonly DrawnCandidate[]> {
  const rule = options.rule ?? guidanceRule;
  const batch = Math.min(drawnAtOnce(session.policy, options.batch), rule.rows);
  // A method's own rule is prepared for one prompt.
  const spans = rule === guidanceRule && session.policy.drawAtLeast > 1;
  const jobs = groupsOf(tasks, spans, batch).flatMap((group) => jobsOf(group, batch, options.stop));
  const done = jobs.map(() => 0);
  const stepsOf = (index: number) => (steps: number) => {
    done[index] = steps;
    options.onSteps?.(done.reduce((sum, each) => sum + each, 0));
  };
  const own = (job: DrawJob, index: number): AsyncGenerator<readonly DrawnCandidate[]> =>
    drawJob(session, tuned, job, { ...options, onSteps: stepsOf(index) });
  // A rule of a method's own, and whoever looks at every step, need the tensors of this worker.
  const isShared =
    rule === guidanceRule && options.onStep === undefined && (tuned?.adapter.fixed.length ?? 0) === 0;
  const crew = isShared ? options.crew : undefined;
  const images = tasks.reduce((sum, { candidates }) => sum + candidates.length, 0);
  const drawers = crew?.hire(images * options.scheduler.timesteps.length) ?? [];
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const others = drawers.map(
    (drawer) => (job: DrawJob, index: number) =>
      drawElsewhere(drawer, session, tuned, job, { ...options, signal, onSteps: stepsOf(index) }),
  );
  try {
    if (others.length === 0) {
      // Each batch as soon as it is there: a long job that is interrupted loses no more than one.
      for (const [index, job] of jobs.entries()) yield* own(job, index);
    } else {
      const whole = async (job: DrawJob, index: number) => {
        const all: (readonly DrawnCandidate[])[] = [];
        for await (const drawn of own(job, index)) all.push(drawn);
        return all;
      };
      for await (const batches of sideBySide(jobs, whole, others)) yield* batches;
    }
  } finally {
    over.abort();
    crew?.release();
  }
}

/** Tasks whose candidates may share a batch. */
function groupsOf(tasks: readonly PoolTask[], spans: boolean, batch: number): (readonly PoolTask[])[] {
  if (!spans) return tasks.map((task) => [task]);
  if (!tasks.some(({ thin }) => thin !== undefined)) return [tasks];
  // Of twice as many as fill a batch, those that go on fill one too.
  const groups: PoolTask[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  for (const task of tasks) {
    if (rows >= 2 * batch) {
      groups.push([]);
      rows = 0;
    }
    groups.at(-1)?.push(task);
    rows += task.candidates.length;
  }
  return groups;
}

/** A batch is a job; those that are thinned out are one together. */
function jobsOf(group: readonly PoolTask[], batch: number, stop: DrawOptions['stop']): readonly DrawJob[] {
  const rows = group.flatMap(({ prompt, text, candidates }) =>
    candidates.map((candidate): Row => ({ ...candidate, prompt, text })),
  );
  if (stop === undefined || group.every(({ thin }) => thin === undefined))
    return batchesOf(rows, batch).map((part) => ({ rows: part, batch, cut: null }));
  const groups = group.map(({ candidates, thin }) => ({
    candidates: candidates.map(({ candidate }) => candidate),
    known: thin?.known ?? [],
    goOn: thin?.goOn ?? candidates.length,
  }));
  const { steps, coefficients } = stop;
  return [{ rows, batch, cut: { steps, coefficients, groups } }];
}

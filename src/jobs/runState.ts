/** Everything the page needs to show a run again, from what is stored. */

import type { CandidateRecord } from '../contract/events.ts';
import type { RunState, RunSummary } from '../contract/runTypes.ts';
import type { Backing } from '../storage/backing.ts';
import { runLock } from '../storage/locks.ts';
import type { RunHead, ScoreEntry } from '../storage/runRecord.ts';
import { openRunStore, type RunStore } from '../storage/runStore.ts';
import { listRunRecords, type RunRecord, runSizeBytes } from '../storage/runs.ts';
import { candidateKey, scoresOfRound } from './rankPool.ts';

export async function summarize(backing: Backing, head: RunHead): Promise<RunSummary> {
  const { id, name, createdAt, updatedAt, stage, round, progress } = head;
  return {
    id,
    name,
    createdAt,
    updatedAt,
    status: head.status,
    stage,
    round,
    progress,
    sizeBytes: await runSizeBytes(backing, id),
  };
}

/**
 * Newest first. A run that was working when its tab closed is shown as paused: nobody works on it now. One that is
 * worked on in any tab holds its lock and is running.
 */
export async function listSummaries(backing: Backing): Promise<readonly RunSummary[]> {
  const { runs } = await listRunRecords(backing.records);
  const locks = await backing.locks.heldNames();
  return Promise.all(
    runs.map(async (head) => {
      const summary = await summarize(backing, head);
      return head.status === 'running' && !locks.has(runLock(head.id))
        ? { ...summary, status: 'paused' as const }
        : summary;
    }),
  );
}

export async function loadRunState(backing: Backing, id: string): Promise<RunState> {
  const store = openRunStore(backing, id);
  const record = await store.load();
  return {
    summary: await summarize(backing, record),
    spec: record.spec,
    heldOut: record.heldOut,
    candidates: await storedCandidates(store, record),
    selections: record.selections,
    train: await store.series.load('train'),
    validation: await store.series.load('validation'),
    evaluations: record.evaluations,
    warnings: record.warnings,
  };
}

/** Candidates of all rounds as far as they are drawn. */
async function storedCandidates(store: RunStore, record: RunRecord): Promise<readonly CandidateRecord[]> {
  const entries: readonly ScoreEntry[] = await store.series.load('scores');
  const records: CandidateRecord[] = [];
  for (let round = 0; round < record.spec.selection.rounds; round++) {
    const lease = await store.pools.leaseStored(round);
    if (lease === null) break;
    const pool = lease.log;
    try {
      const scores = scoresOfRound(entries, round);
      const { timesteps } = pool.header;
      for (const { prompt, candidate, seed } of pool.entries()) {
        const scored = scores.get(candidateKey(prompt, candidate));
        if (scored === undefined) continue;
        const trace = { t: timesteps, squaredDifference: [...pool.trace({ prompt, candidate })] };
        const { score, standardError, metrics } = scored;
        records.push({ round, prompt, candidate, seed, trace, score, standardError, metrics });
      }
    } finally {
      lease.close();
    }
  }
  return records;
}

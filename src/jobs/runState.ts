/** Everything the page needs to show a run again, from what is stored. */

import type { CandidateRecord } from '../contract/events.ts';
import type { RunState, RunSummary } from '../contract/runTypes.ts';
import { heldLocks, runLock } from '../storage/locks.ts';
import type { RunHead, RunParts, ScoreEntry } from '../storage/runRecord.ts';
import { listRunRecords, loadRunRecord, runSizeBytes } from '../storage/runs.ts';
import { loadSeries } from '../storage/series.ts';
import { leaseStoredPool } from './pools.ts';
import { candidateKey, scoresOfRound } from './scoring.ts';

export async function summarize(head: RunHead): Promise<RunSummary> {
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
    sizeBytes: await runSizeBytes(id),
  };
}

/**
 * Newest first. A run that was working when its tab closed is shown as paused: nobody works on it now. One that is
 * worked on in any tab holds its lock and is running.
 */
export async function listSummaries(): Promise<readonly RunSummary[]> {
  const { runs } = await listRunRecords();
  const locks = await heldLocks();
  return Promise.all(
    runs.map(async (head) => {
      const summary = await summarize(head);
      return head.status === 'running' && !locks.has(runLock(head.id))
        ? { ...summary, status: 'paused' as const }
        : summary;
    }),
  );
}

export async function loadRunState(id: string): Promise<RunState> {
  const record = await loadRunRecord(id);
  return {
    summary: await summarize(record),
    spec: record.spec,
    heldOut: record.heldOut,
    candidates: await storedCandidates(record),
    selections: record.selections,
    train: await loadSeries(id, 'train'),
    validation: await loadSeries(id, 'validation'),
    evaluations: record.evaluations,
    warnings: record.warnings,
  };
}

/** Candidates of all rounds as far as they are drawn. */
export async function storedCandidates(record: RunHead & RunParts): Promise<readonly CandidateRecord[]> {
  const entries: readonly ScoreEntry[] = await loadSeries(record.id, 'scores');
  const records: CandidateRecord[] = [];
  for (let round = 0; round < record.spec.selection.rounds; round++) {
    const lease = await leaseStoredPool(record.id, round);
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

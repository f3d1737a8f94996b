/**
 * The candidates of one round as an append-only file: final latents and MI traces, from which images, rankings and
 * training sets are made again without the network.
 *
 * A batch is one write and one flush. A crash in the middle of it costs that batch only: the incomplete end is cut off
 * when the log is opened again, and a candidate that is not in the log is drawn again from its seed.
 */
import { type ErrorReport, StudioError } from '../lib/errors.ts';
import type { Files, SyncFile } from './backing.ts';
import { guardStorage, isLocked } from './failure.ts';
import { checkId } from './paths.ts';
import {
  decodeRecord,
  encodeNothing,
  encodeRecords,
  type PoolHeader,
  type PoolRecord,
  recordBytes,
} from './poolFormat.ts';
import { ensurePoolHeader, type PoolHeaderState } from './poolHeader.ts';
import { openElsewhere } from './runErrors.ts';
import { readAll, writeAll } from './syncFile.ts';

export type PoolRef = { readonly prompt: number; readonly candidate: number };
/** Where a candidate is: `position` counts records. */
export type PoolEntry = PoolRef & { readonly seed: number; readonly position: number };
export type OpenPoolOptions = {
  /** How long to wait for the file to become free: a reloaded tab may still be closing it. */
  readonly waitMs?: number;
};

/** The adapter that held-out images were drawn with. */
export type EvaluatedSet = { readonly version: number; readonly round: number; readonly step: number };

type Indexed = PoolEntry & { readonly trace: Float32Array };

const SCAN_BYTES = 8 * 2 ** 20;
const RETRY_MS = 100;

/** Path of the log of a run's round. */
export function poolPath(runId: string, round: number): string {
  return `runs/${checkId(runId)}/pool-${round}.bin`;
}

/** Path of the log of the images by which a round's adapter, kept at `step`, was judged. */
export function evaluatedPath(runId: string, { version, round, step }: EvaluatedSet): string {
  // Runs of the first versions had one version of everything.
  const name = version === 0 ? `${round}-${step}` : `${round}-${step}-v${version}`;
  return `runs/${checkId(runId)}/evaluated-${name}.bin`;
}

/**
 * Opens or starts a log and checks all that is in it. Only one opener at a time, over all tabs.
 * @throws StudioError `run-open-elsewhere`, `pool-mismatch` (made with another model, steps or source), `pool-damaged`
 */
export function openPoolLog(
  files: Files,
  path: string,
  header: PoolHeader,
  options: OpenPoolOptions = {},
): Promise<PoolLog> {
  return guardStorage(path, async () => {
    const handle = await lockFile(files, path, options.waitMs ?? 2000);
    try {
      return new PoolLog(path, handle, header, ensurePoolHeader(path, handle, header));
    } catch (cause) {
      handle.close();
      throw cause;
    }
  });
}

/** Owns the lock on its file until `close`. Get one from `openPoolLog`. */
export class PoolLog {
  readonly header: PoolHeader;
  /** What was found damaged on opening, in words for the user. */
  readonly warnings: readonly ErrorReport[];
  readonly #path: string;
  readonly #handle: SyncFile;
  readonly #recordBytes: number;
  /** Offset of the first record. */
  readonly #start: number;
  readonly #index = new Map<string, Indexed>();
  /** Records in the file, duplicates and empty places included. */
  #count = 0;

  constructor(path: string, handle: SyncFile, header: PoolHeader, state: PoolHeaderState) {
    this.header = header;
    this.#path = path;
    this.#handle = handle;
    this.#recordBytes = recordBytes(header);
    this.#start = state.sizeBytes;
    this.warnings = [...state.warnings, ...this.#scan()];
  }

  /** Number of candidates. */
  get size(): number {
    return this.#index.size;
  }

  has(prompt: number, candidate: number): boolean {
    return this.#index.has(keyOf({ prompt, candidate }));
  }

  /** All candidates, by prompt and number. */
  entries(): readonly PoolEntry[] {
    return [...this.#index.values()]
      .map(({ prompt, candidate, seed, position }) => ({ prompt, candidate, seed, position }))
      .sort((a, b) => a.prompt - b.prompt || a.candidate - b.candidate);
  }

  /** Squared differences at the header's timesteps, from memory. @throws StudioError `pool-missing` */
  trace(ref: PoolRef): Float32Array {
    return this.#find(ref).trace;
  }

  /**
   * Adds a batch and waits until the disk has it. A candidate that is there already is replaced.
   * On failure the log is as it was before.
   */
  append(records: readonly PoolRecord[]): Promise<void> {
    return guardStorage(this.#path, async () => {
      const bytes = encodeRecords(this.header, records);
      const end = this.#offset(this.#count);
      try {
        writeAll(this.#handle, bytes, end);
        this.#handle.flush();
      } catch (cause) {
        this.#cutBack(end);
        throw cause;
      }
      for (const record of records) this.#remember(record, this.#count++);
    });
  }

  /**
   * Latents of some candidates one after the other [refs.length, latentSize].
   * @throws StudioError `pool-missing`, or `pool-damaged` if the file changed under us
   */
  latents(refs: readonly PoolRef[]): Float32Array<ArrayBuffer> {
    const { latentSize } = this.header;
    const latents = new Float32Array(refs.length * latentSize);
    const bytes = new Uint8Array(this.#recordBytes);
    for (const [i, ref] of refs.entries()) {
      readAll(this.#handle, bytes, this.#offset(this.#find(ref).position));
      const record = decodeRecord(this.header, bytes);
      if (record === null || record === 'damaged') throw changedUnderUs(this.#path, ref);
      latents.set(record.latent, i * latentSize);
    }
    return latents;
  }

  /** Gives the file free; the log cannot be used any more. */
  close(): void {
    this.#handle.close();
  }

  #offset(position: number): number {
    return this.#start + position * this.#recordBytes;
  }

  #find(ref: PoolRef): Indexed {
    const entry = this.#index.get(keyOf(ref));
    if (entry) return entry;
    throw new StudioError(
      'pool-missing',
      `Image ${ref.candidate + 1} of prompt ${ref.prompt + 1} is not stored.`,
      {
        remedy: 'Continue building the set: images that are missing are drawn again.',
        where: this.#path,
      },
    );
  }

  #remember({ prompt, candidate, seed, trace }: PoolRecord, position: number): void {
    this.#index.set(keyOf({ prompt, candidate }), {
      prompt,
      candidate,
      seed,
      position,
      trace: trace.slice(),
    });
  }

  /** Reads every record, cuts off a damaged end and marks other damaged places as empty, so that they are told once. */
  #scan(): ErrorReport[] {
    const whole = Math.floor((this.#handle.getSize() - this.#start) / this.#recordBytes);
    const atOnce = Math.max(1, Math.floor(SCAN_BYTES / this.#recordBytes));
    const buffer = new Uint8Array(Math.min(whole, atOnce) * this.#recordBytes);
    const damaged: number[] = [];
    for (let first = 0; first < whole; first += atOnce) {
      const count = Math.min(atOnce, whole - first);
      readAll(this.#handle, buffer.subarray(0, count * this.#recordBytes), this.#offset(first));
      for (let i = 0; i < count; i++) {
        const record = decodeRecord(
          this.header,
          buffer.subarray(i * this.#recordBytes, (i + 1) * this.#recordBytes),
        );
        if (record === 'damaged') damaged.push(first + i);
        else if (record !== null) this.#remember(record, first + i);
      }
    }
    this.#count = whole;
    while (this.#count > 0 && damaged.at(-1) === this.#count - 1) {
      damaged.pop();
      this.#count--;
    }
    return this.#repair(damaged);
  }

  #repair(damaged: readonly number[]): ErrorReport[] {
    const end = this.#offset(this.#count);
    const cut = this.#handle.getSize() - end;
    for (const position of damaged)
      writeAll(this.#handle, encodeNothing(this.header), this.#offset(position));
    if (cut > 0) this.#handle.truncate(end);
    if (cut > 0 || damaged.length > 0) this.#handle.flush();
    return [
      ...(cut > 0 ? [cutReport(this.#path, Math.ceil(cut / this.#recordBytes))] : []),
      ...(damaged.length > 0 ? [damageReport(this.#path, damaged.length)] : []),
    ];
  }

  #cutBack(end: number): void {
    try {
      this.#handle.truncate(end);
    } catch {
      // The next append overwrites the rest, and opening cuts it off; the failed write is the error to report.
    }
  }
}

async function lockFile(files: Files, path: string, waitMs: number): Promise<SyncFile> {
  for (let waited = 0; ; waited += RETRY_MS) {
    try {
      return await files.holdFile(path);
    } catch (cause) {
      if (!isLocked(cause)) throw cause;
      if (waited >= waitMs) throw openElsewhere(path, cause);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function keyOf({ prompt, candidate }: PoolRef): string {
  return `${prompt}:${candidate}`;
}

function cutReport(where: string, count: number): ErrorReport {
  return {
    code: 'pool-cut',
    message: `${plural(count)} at the end of the stored set ${count === 1 ? 'was' : 'were'} incomplete and removed.`,
    remedy: 'Nothing to do: the same images are drawn again when the run continues.',
    where,
  };
}

function damageReport(where: string, count: number): ErrorReport {
  return {
    code: 'pool-record-damaged',
    message: `${plural(count)} in the stored set ${count === 1 ? 'was' : 'were'} damaged and left out.`,
    remedy:
      'Nothing to do: the same images are drawn again when the run continues. If it happens again, check the disk.',
    where,
  };
}

function plural(count: number): string {
  return count === 1 ? 'One image' : `${count} images`;
}

function changedUnderUs(where: string, { prompt, candidate }: PoolRef): StudioError {
  return new StudioError(
    'pool-damaged',
    `Image ${candidate + 1} of prompt ${prompt + 1} can no longer be read.`,
    {
      remedy: 'Reload the page: damaged images are left out and drawn again.',
      where,
    },
  );
}

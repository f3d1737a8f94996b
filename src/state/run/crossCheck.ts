/**
 * MI of one candidate in a hundred computed again on the other backend, by an engine of its own beside the one that
 * draws: a GPU that draws leaves the processor free, and the other way round. Only candidates of the first round, which
 * the model drew without an adapter.
 */
import type { BackendName } from '../../contract/backend.ts';
import type { CandidateRecord, JobEvent } from '../../contract/events.ts';
import type { Recheck } from '../../contract/protocol.ts';
import type { ModelReport } from '../../contract/runTypes.ts';
import type { MiTuneSpec } from '../../contract/spec.ts';
import type { EngineClient } from '../../engine/client.ts';
import type { ErrorReport } from '../../lib/errors.ts';

/** Candidates among which one is checked. */
export const CHECKED_OF = 100;
/** Share of the time of drawing that checks may take. */
const TIME_SHARE = 0.015;
/** How fast a model is loaded onto another backend, before it has been measured: about the speed of a disk. */
const LOADED_BYTES_PER_SECOND = 30e6;
/**
 * A model that is larger exists twice only where there is memory for it, in GB as browsers tell it (at most 8), and where
 * it lies in this browser: it is not fetched a second time.
 */
const LARGE_BYTES = 0.5e9;
const MEMORY_FOR_LARGE_GB = 8;
/** Checks that may wait; older ones are dropped. */
const MOST_WAITING = 4;

type CheckedRun = {
  readonly runId: string;
  readonly spec: MiTuneSpec;
  readonly backend: BackendName;
  readonly model: Pick<ModelReport, 'ref' | 'sizeBytes'>;
};

type Checker = Pick<EngineClient, 'call' | 'dispose'>;
type Ports = {
  /** A second engine. */
  readonly start: () => Checker;
  /** Seconds on some steady clock. */
  readonly now: () => number;
  readonly memoryGb: number;
  /** Keeps a warning with the run and shows it. */
  readonly warn: (runId: string, report: ErrorReport) => Promise<unknown>;
};

/** Terms of a trace that the time allows to compute again, given what checks have taken so far. */
export function affordableSteps(
  drawnForSeconds: number,
  spentSeconds: number,
  secondsPerStep: number | null,
  total: number,
): number {
  const left = TIME_SHARE * drawnForSeconds - spentSeconds;
  // The first one tells how long they take.
  if (secondsPerStep === null) return left > 0 ? 1 : 0;
  return Math.max(0, Math.min(total, Math.floor(left / secondsPerStep)));
}

/** Watches one run from its first candidate until it stops. */
export class CrossCheck {
  readonly #run: CheckedRun;
  readonly #ports: Ports;
  readonly #begun: number;
  readonly #waiting: CandidateRecord[] = [];
  #checker: Checker | null = null;
  #drawn = 0;
  #spent: number;
  #secondsPerStep: number | null = null;
  /** True for good once there is no other backend, or it fails: a check that cannot be made is no disagreement. */
  #ended = false;
  #busy: Promise<void> | null = null;

  constructor(run: CheckedRun, ports: Ports) {
    this.#run = run;
    this.#ports = ports;
    this.#begun = ports.now();
    this.#spent = run.model.sizeBytes / LOADED_BYTES_PER_SECOND;
    const isLarge = run.model.sizeBytes > LARGE_BYTES;
    if (isLarge && (ports.memoryGb < MEMORY_FOR_LARGE_GB || run.model.ref.kind !== 'local'))
      this.#ended = true;
  }

  /** Takes the events of the run as they come; returns at once. */
  receive(event: JobEvent): void {
    // Training may need all of the memory.
    if (event.type === 'stage' && event.stage === 'train') this.end();
    if (event.type !== 'candidates' || this.#ended) return;
    for (const record of event.records) {
      if (record.round > 0 || record.trace.squaredDifference.length === 0) continue;
      this.#drawn++;
      if (this.#drawn % CHECKED_OF === 0) this.#waiting.push(record);
    }
    this.#waiting.splice(0, this.#waiting.length - MOST_WAITING);
    if (this.#busy !== null) return;
    this.#busy = this.#work()
      .catch(() => this.end())
      .finally(() => {
        this.#busy = null;
      });
  }

  /** Gives the second engine back. */
  end(): void {
    this.#ended = true;
    this.#checker?.dispose();
    this.#checker = null;
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const { timesteps, steps } = this.#affordable(next);
      if (steps === 0) return;
      this.#waiting.shift();
      const checker = await this.#open();
      if (checker === null) return;
      const { prompt, seed, trace } = next;
      const { squaredDifference } = trace;
      const { runId, spec } = this.#run;
      const found = await checker.call('recheck', { spec, prompt, seed, squaredDifference, steps });
      this.#spent += found.seconds;
      // Much of the first check is the compilation of its kernels.
      this.#secondsPerStep = found.seconds / steps;
      if (!found.agrees) await this.#ports.warn(runId, disagreement(next, found, timesteps));
    }
  }

  #affordable({ trace }: CandidateRecord): { readonly timesteps: number; readonly steps: number } {
    const timesteps = trace.t.length;
    const drawnFor = this.#ports.now() - this.#begun;
    return { timesteps, steps: affordableSteps(drawnFor, this.#spent, this.#secondsPerStep, timesteps) };
  }

  /** Null without another backend. */
  async #open(): Promise<Checker | null> {
    if (this.#ended || this.#checker !== null) return this.#checker;
    const { backend, model } = this.#run;
    const checker = this.#ports.start();
    this.#checker = checker;
    // By itself it takes a real GPU only, never a software adapter.
    const { name } = await checker.call('open', { backend: backend === 'wasm' ? 'auto' : 'wasm' });
    if (name === backend) this.end();
    else await checker.call('loadModel', { ref: model.ref });
    return this.#checker;
  }
}

function disagreement(
  { prompt, candidate }: CandidateRecord,
  { t, difference, steps }: Recheck,
  total: number,
): ErrorReport {
  const percent = Number.isFinite(difference) ? `${(100 * difference).toFixed(0)}%` : 'without measure';
  return {
    code: 'backends-disagree',
    message:
      `Image ${candidate + 1} of prompt ${prompt + 1} was computed again on the other backend (${steps} of ${total} steps), ` +
      `and the squared difference at t = ${t} is not the same: ${percent} off, where rounding explains 5%.`,
    remedy:
      'One of the two computes wrongly, as a rule the GPU with its driver. Begin the run again on the other backend and ' +
      'compare a few scores before you rely on these.',
  };
}

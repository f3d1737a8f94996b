/** The threads of the wasm backend, where its memory is shared; else the caller does all of a job. */
import {
  ARGUMENTS,
  BUSY,
  CALLS,
  CONTROL_WORDS,
  FAILED,
  KERNEL,
  type Kernels,
  MOST_ARGUMENTS,
  MOST_CALLS,
  NEXT,
  OPEN,
  SCRATCH,
  SIGNAL,
  type ThreadStart,
  takeCalls,
} from './threadProtocol.ts';

/** More than these share one memory bus. */
const MOST_THREADS = 8;

/** Looks at the others' progress before the caller goes to sleep. */
const LOOKS = 20_000;

/** Multiply-adds, or what takes as long, that are worth a call of their own: 20 us. */
const WORTH_SHARING = 500_000;

/** Cores worth computing on, of so many logical ones: of many, half, which are as a rule the real ones, or the fast ones. */
export function coresFor(logical: number): number {
  return logical <= 4 ? logical : Math.min(MOST_THREADS, Math.max(4, Math.ceil(logical / 2)));
}

/**
 * Threads for a processor of so many logical cores. With two cores one thread: beside anything else that computes, two took
 * twice the time of one, as each waits for the other's turn.
 */
export function threadsFor(logical: number): number {
  return logical <= 2 ? 1 : coresFor(logical);
}

/** Workers on the same memory, which take parts of a job whose rows are independent. */
export class WasmThreads {
  /** True where the caller does all of a job: other workers of the page have the processor's other cores. */
  alone = false;
  readonly #count: number;
  readonly #kernels: Kernels;
  readonly #workers: Worker[] = [];
  readonly #start: Omit<ThreadStart, 'modules' | 'memory'> | null = null;

  /**
   * @param modules by form
   * @param kernels of the caller, by `jobName`
   * @param count 1 for none but the caller; more only with shared memory
   */
  constructor(modules: ThreadStart['modules'], memory: WebAssembly.Memory, kernels: Kernels, count: number) {
    this.#kernels = kernels;
    this.#count = memory.buffer instanceof ArrayBuffer ? 1 : count;
    if (this.#count === 1) return;
    const shared = {
      names: Object.keys(kernels),
      control: new Int32Array(new SharedArrayBuffer(4 * CONTROL_WORDS)),
      calls: new Float64Array(new SharedArrayBuffer(8 * MOST_CALLS * MOST_ARGUMENTS)),
    };
    this.#start = { ...shared, thread: 0 };
    for (let thread = 1; thread < this.#count; thread++) {
      const worker = new Worker(new URL('./thread.ts', import.meta.url), {
        type: 'module',
        name: `wasm ${thread}`,
      });
      worker.postMessage({ ...shared, modules, memory, thread } satisfies ThreadStart);
      this.#workers.push(worker);
    }
  }

  /** Those that work on a job, the caller among them. */
  get count(): number {
    return this.alone ? 1 : this.#count;
  }

  /**
   * Divides rows among the threads: few parts for little work, and so many that a thread which is held up leaves some to the
   * others.
   *
   * @param unit multiply-adds of a row, or what takes as long
   * @param multiple what the first row of a part is a multiple of
   * @returns first row and number of rows of each part
   */
  parts(rows: number, unit: number, multiple = 1): readonly (readonly [first: number, count: number])[] {
    if (this.count === 1) return [[0, rows]];
    const most = Math.min(2 * this.count, MOST_CALLS, Math.floor((rows * unit) / WORTH_SHARING));
    if (most < 2) return [[0, rows]];
    const size = Math.ceil(rows / most / multiple) * multiple;
    return Array.from({ length: Math.ceil(rows / size) }, (_, i) => [
      i * size,
      Math.min(size, rows - i * size),
    ]);
  }

  /**
   * Calls a kernel with each list of arguments, on independent rows, and returns when all are done.
   * @param name its `jobName`
   * @param scratch bytes of scratch memory that a thread needs; the last argument is then the address of `count` times as many
   */
  run(name: string, calls: readonly (readonly number[])[], scratch = 0): void {
    const start = this.#start;
    if (start === null || this.alone || calls.length === 1) {
      const kernel = this.#kernels[name] as (...numbers: number[]) => unknown;
      for (const numbers of calls) kernel(...numbers);
      return;
    }
    const { control } = start;
    for (const [i, numbers] of calls.entries()) start.calls.set(numbers, i * MOST_ARGUMENTS);
    control[CALLS] = calls.length;
    control[KERNEL] = start.names.indexOf(name);
    control[ARGUMENTS] = calls[0]?.length ?? 0;
    control[SCRATCH] = scratch;
    Atomics.store(control, NEXT, 0);
    Atomics.store(control, OPEN, 1);
    Atomics.add(control, SIGNAL, 1);
    Atomics.notify(control, SIGNAL);
    takeCalls(this.#kernels, start);
    Atomics.store(control, OPEN, 0);
    waitUntilNone(control, BUSY);
    if (control[FAILED] === 1) throw new Error(`A thread failed in ${name}.`);
  }

  /** Ends the threads. */
  close(): void {
    for (const worker of this.#workers) worker.terminate();
  }
}

/** Where a document is, the browser forbids to sleep. */
const maySleep = !('document' in globalThis);

function waitUntilNone(control: Int32Array, word: number): void {
  let looks = LOOKS;
  for (let value = Atomics.load(control, word); value > 0; value = Atomics.load(control, word)) {
    if (looks > 0) looks--;
    else if (maySleep) Atomics.wait(control, word, value, 1);
  }
}

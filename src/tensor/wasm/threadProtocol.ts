/**
 * How threads share work. A job is a list of calls of one kernel on independent rows; whoever is free takes the next call, so
 * who computed a row does not show in its bits. All threads, the caller among them, see one block of control words:
 *
 * - `SIGNAL` counts jobs; threads sleep on it,
 * - `OPEN` is 1 while calls may be taken. A thread first counts itself in `BUSY`, then looks at `OPEN`; the caller closes, then
 *   waits until nobody is busy. So nobody reads a job while the next one is written,
 * - `NEXT` is the next call to take.
 */

export const SIGNAL = 0;
export const OPEN = 1;
export const BUSY = 2;
export const NEXT = 3;
/** Of the job: how many calls of which kernel, and how many arguments each has. */
export const CALLS = 4;
export const KERNEL = 5;
export const ARGUMENTS = 6;
/** Bytes of scratch memory of one thread, 0 where the kernel takes none; else its last argument is that of thread 0. */
export const SCRATCH = 7;
/** 1 when a call has thrown. */
export const FAILED = 8;
export const CONTROL_WORDS = 9;

/** Calls of a job and arguments of a call at most. */
export const MOST_CALLS = 64;
export const MOST_ARGUMENTS = 24;

/** What a thread is started with. */
export type ThreadStart = {
  /** By the form of their products. */
  readonly modules: Readonly<Record<string, WebAssembly.Module>>;
  readonly memory: WebAssembly.Memory;
  /** Names of the kernels by the number in `KERNEL`. */
  readonly names: readonly string[];
  readonly control: Int32Array<SharedArrayBuffer>;
  /** The calls of a job, `MOST_ARGUMENTS` numbers apart. */
  readonly calls: Float64Array<SharedArrayBuffer>;
  /** 1 and up; the caller is 0. */
  readonly thread: number;
};

export type Kernels = Readonly<Record<string, (...numbers: number[]) => unknown>>;

/** What a kernel of a form is called in jobs. */
export const jobName = (form: string, kernel: string): string => `${form} ${kernel}`;

/** The kernels of all forms by `jobName`. */
export function kernelsByName(forms: readonly (readonly [form: string, kernels: object])[]): Kernels {
  return Object.fromEntries(
    forms.flatMap(([form, kernels]) =>
      Object.entries(kernels).map(([name, kernel]) => [jobName(form, name), kernel]),
    ),
  );
}

/** Takes calls of the open job until there are none left. */
export function takeCalls(
  kernels: Kernels,
  { names, control, calls, thread }: Omit<ThreadStart, 'modules' | 'memory'>,
): void {
  const kernel = kernels[names[control[KERNEL] as number] as string] as (...numbers: number[]) => unknown;
  const [total, length, scratch] = [control[CALLS], control[ARGUMENTS], control[SCRATCH]] as [
    number,
    number,
    number,
  ];
  for (let call = Atomics.add(control, NEXT, 1); call < total; call = Atomics.add(control, NEXT, 1)) {
    const first = call * MOST_ARGUMENTS;
    const numbers = Array.from(calls.subarray(first, first + length));
    if (scratch > 0) numbers[length - 1] = (numbers[length - 1] as number) + thread * scratch;
    kernel(...numbers);
  }
}

// What a benchmark suite works with: interleaved timings, medians, and ratios to a baseline.

import type { BackendInfo } from '../../src/contract/backend.ts';

export type BenchRow = {
  readonly suite: string;
  /** What is compared: rows of one title belong together. */
  readonly title: string;
  readonly variant: string;
  /** Median; for a counted quantity, the number itself. */
  readonly value: number;
  readonly unit: string;
  /** Fastest and slowest of the repeats; null for a counted quantity. */
  readonly range: readonly [number, number] | null;
  /** Value of the first variant of the title divided by this one: how many times less this one takes. */
  readonly ratio: number | null;
};

export type TimingOptions = {
  /** Timed repeats of each variant; default 9. */
  readonly repeats?: number;
  /** Untimed runs of each variant before, for compilation and caches; default 2. */
  readonly warmUps?: number;
  /** How often a variant does its work in one run; the time shown is that of one. Default 1. */
  readonly callsPerRun?: number;
};

/** A variant ends when its results are there: it awaits `data()` of what it computed last. */
export type Variant = () => Promise<unknown>;

/** A suite is a file in suites/ that exports `run` of this type. */
export type Suite = (bench: Bench) => Promise<void>;

/** Measures and reports; one for each suite. */
export class Bench {
  readonly backend: BackendInfo;
  readonly #suite: string;
  readonly #onRow: (row: BenchRow) => Promise<void>;

  constructor(suite: string, backend: BackendInfo, onRow: (row: BenchRow) => Promise<void>) {
    this.#suite = suite;
    this.backend = backend;
    this.#onRow = onRow;
  }

  /**
   * Times variants of the same work in turn, so that a busy moment of the machine hits all of them. The first one is
   * the baseline of the ratios.
   * @returns median milliseconds of each variant
   */
  async compare<Name extends string>(
    title: string,
    variants: Readonly<Record<Name, Variant>>,
    options: TimingOptions = {},
  ): Promise<Record<Name, number>> {
    const { callsPerRun = 1 } = options;
    const timed = {} as Record<Name, () => Promise<number>>;
    for (const name of Object.keys(variants) as Name[]) {
      timed[name] = async () => {
        const start = performance.now();
        await variants[name]();
        return (performance.now() - start) / callsPerRun;
      };
    }
    return this.compareTimes(title, timed, options);
  }

  /** Like `compare`, for variants that say themselves how many milliseconds they took. */
  async compareTimes<Name extends string>(
    title: string,
    variants: Readonly<Record<Name, () => Promise<number>>>,
    options: Omit<TimingOptions, 'callsPerRun'> = {},
  ): Promise<Record<Name, number>> {
    const { repeats = 9, warmUps = 2 } = options;
    const names = Object.keys(variants) as Name[];
    const times = new Map<Name, number[]>(names.map((name) => [name, []]));
    for (let round = -warmUps; round < repeats; round++) {
      for (const name of names) {
        const elapsed = await variants[name]();
        if (round >= 0) times.get(name)?.push(elapsed);
      }
    }
    const medians = {} as Record<Name, number>;
    for (const [name, values] of times) medians[name] = median(values);
    const baseline = names[0];
    for (const [name, values] of times) {
      const ratio = baseline === undefined || names.length === 1 ? null : medians[baseline] / medians[name];
      await this.#onRow({
        suite: this.#suite,
        title,
        variant: name,
        value: medians[name],
        unit: 'ms',
        range: [Math.min(...values), Math.max(...values)],
        ratio,
      });
    }
    return medians;
  }

  /** Times one piece of work. Returns its median in milliseconds. */
  async time(title: string, run: Variant, options: TimingOptions = {}): Promise<number> {
    return (await this.compare(title, { '': run }, options))[''];
  }

  /** Reports a number that was counted or computed, such as bytes, dispatches or a share. */
  async value(title: string, variant: string, value: number, unit: string): Promise<void> {
    await this.#onRow({ suite: this.#suite, title, variant, value, unit, range: null, ratio: null });
  }
}

/** Middle value; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? Number.NaN)) / 2 : upper;
}

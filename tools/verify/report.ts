// Collects comparisons. A row is one quantity of one case: its error, what it was held against, and the verdict.

import * as v from 'valibot';
import { StudioError } from '../../src/lib/errors.ts';
import type { Recording } from './recording.ts';

export type Row = {
  readonly kind: string;
  readonly name: string;
  /** Case within the entry, such as an input and timestep of a network. */
  readonly id: string;
  readonly quantity: string;
  /** Absolute error at the entry that comes closest to its bound, or goes furthest beyond it. Infinity: no number. */
  readonly error: number;
  /** Bound at that entry; 0 means that the values must be equal. */
  readonly tolerance: number;
  readonly pass: boolean;
  /** What went wrong, where numbers do not say it. */
  readonly note?: string;
};

/** A value passes when |actual - expected| <= atol + rtol * |expected|. */
export type Tolerance = { readonly atol?: number; readonly rtol?: number };

/** What a tolerance is read from: every case of the index has this field. */
const toleranceHolder = v.looseObject({ tolerance_f32_cpu_or_wasm: v.record(v.string(), v.unknown()) });

type Numbers = ArrayLike<number>;

/** The report of one entry of the index; its tolerances already carry the factor of the backend. */
export class Report {
  readonly rows: Row[] = [];
  readonly #kind: string;
  readonly #name: string;
  readonly #factor: number;
  readonly #onRow: (row: Row) => void;
  readonly #recording: Recording | undefined;

  /** @param options with a recording, its numbers are expected instead of those that the runner names */
  constructor(
    entry: { kind: string; name: string },
    options: { factor: number; onRow?: (row: Row) => void; recording?: Recording | undefined },
  ) {
    this.#kind = entry.kind;
    this.#name = entry.name;
    this.#factor = options.factor;
    this.#onRow = options.onRow ?? (() => undefined);
    this.#recording = options.recording;
  }

  /** Compares arrays entry by entry; another length fails. */
  close(id: string, quantity: string, actual: Numbers, given: Numbers, tolerance: Tolerance): void {
    const expected = this.#recording?.expected(id, quantity, actual) ?? given;
    this.closeToOwn(id, quantity, actual, expected, tolerance);
  }

  /** Compares numbers of this run with others of the same run, whatever was recorded. */
  closeToOwn(id: string, quantity: string, actual: Numbers, expected: Numbers, tolerance: Tolerance): void {
    if (actual.length !== expected.length) {
      this.fail(id, quantity, `has ${actual.length} values, expected ${expected.length}`);
      return;
    }
    const atol = (tolerance.atol ?? 0) * this.#factor;
    const rtol = (tolerance.rtol ?? 0) * this.#factor;
    let worst = { error: 0, bound: atol, ratio: -1 };
    for (let i = 0; i < expected.length; i++) {
      const reference = expected[i] ?? Number.NaN;
      const error = difference(actual[i] ?? Number.NaN, reference);
      const bound = Number.isFinite(reference) ? atol + rtol * Math.abs(reference) : 0;
      const ratio = error === 0 ? 0 : error / bound;
      if (ratio > worst.ratio) worst = { error, bound, ratio };
    }
    this.#add({ id, quantity, error: worst.error, tolerance: worst.bound, pass: worst.ratio <= 1 });
  }

  /** Compares one number. */
  closeNumber(id: string, quantity: string, actual: number, expected: number, tolerance: Tolerance): void {
    this.close(id, quantity, [actual], [expected], tolerance);
  }

  /** Compares the mean absolute error of arrays with a bound. */
  closeInMean(id: string, quantity: string, actual: Numbers, given: Numbers, atol: number): void {
    const expected = this.#recording?.expected(id, quantity, actual) ?? given;
    if (actual.length !== expected.length) {
      this.fail(id, quantity, `has ${actual.length} values, expected ${expected.length}`);
      return;
    }
    let sum = 0;
    for (let i = 0; i < expected.length; i++)
      sum += difference(actual[i] ?? Number.NaN, expected[i] ?? Number.NaN);
    const error = expected.length === 0 ? 0 : sum / expected.length;
    const bound = atol * this.#factor;
    this.#add({ id, quantity, error, tolerance: bound, pass: error <= bound });
  }

  /** Requires equality: of numbers, strings, or plain data of the same key order. */
  equal(id: string, quantity: string, actual: unknown, given: unknown): void {
    const expected = this.#recording === undefined ? given : this.#recording.expected(id, quantity, actual);
    const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
    const error =
      typeof actual === 'number' && typeof expected === 'number' ? difference(actual, expected) : 0;
    if (a === b) this.#add({ id, quantity, error: 0, tolerance: 0, pass: true });
    else {
      const note = `is ${shorten(a)}, expected ${shorten(b)}`;
      this.#add({ id, quantity, error: error || Number.POSITIVE_INFINITY, tolerance: 0, pass: false, note });
    }
  }

  /** Records a miss that is not a matter of size. */
  fail(id: string, quantity: string, note: string): void {
    this.#add({ id, quantity, error: Number.POSITIVE_INFINITY, tolerance: 0, pass: false, note });
  }

  #add(row: Omit<Row, 'kind' | 'name'>): void {
    const full = { kind: this.#kind, name: this.#name, ...row };
    this.rows.push(full);
    this.#onRow(full);
  }
}

/**
 * The named tolerances of an index entry, such as `tolerancesOf(entry, ['atol'], ['rtol'])`.
 * @param required names that must be there
 * @param optional names that count as 0 when absent
 * @throws StudioError when a required one is missing or no number
 */
export function tolerancesOf<R extends string, O extends string = never>(
  entry: unknown,
  required: readonly R[],
  optional: readonly O[] = [],
): Record<R | O, number> {
  const parsed = v.safeParse(toleranceHolder, entry);
  const given = parsed.success ? parsed.output.tolerance_f32_cpu_or_wasm : {};
  const read = (name: string, fallback?: number): [string, number] => {
    const value = given[name] ?? fallback;
    if (typeof value === 'number' && value >= 0) return [name, value];
    throw new StudioError(
      'oracle-tolerance-missing',
      `The index gives no usable tolerance "${name}" for this case.`,
      {
        remedy: 'Add it under tolerance_f32_cpu_or_wasm.',
      },
    );
  };
  const pairs = [...required.map((name) => read(name)), ...optional.map((name) => read(name, 0))];
  return Object.fromEntries(pairs) as Record<R | O, number>;
}

/** |a - b|, where equal infinities and two NaN differ by 0 and any other non-finite pair by Infinity. */
function difference(a: number, b: number): number {
  if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  const error = Math.abs(a - b);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}

function shorten(text: string | undefined): string {
  if (text === undefined) return 'undefined';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

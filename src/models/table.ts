import { StudioError } from '../lib/errors.ts';
import { halvesToFloats } from '../lib/half.ts';

/** An embedding table [rows, width] on the CPU, as floats or as bits of halves. Rows are gathered there. */
export class Table {
  readonly name: string;
  readonly rows: number;
  readonly width: number;
  #values: Float32Array | Uint16Array | null = null;

  constructor(name: string, rows: number, width: number) {
    this.name = name;
    this.rows = rows;
    this.width = width;
  }

  get loaded(): boolean {
    return this.#values !== null;
  }

  fill(values: Float32Array | Uint16Array): void {
    this.#values = values;
  }

  leave(): void {
    this.#values = null;
  }

  /** Adds row `index` to `to`, from position `at` on. */
  addRow(index: number, to: Float32Array, at: number): void {
    if (this.#values === null) throw notLoaded(this.name);
    const from = index * this.width;
    const stored = this.#values.subarray(from, from + this.width);
    const row = stored instanceof Uint16Array ? halvesToFloats(stored) : stored;
    for (let i = 0; i < row.length; i++) to[at + i] = (to[at + i] as number) + (row[i] as number);
  }
}

/** For weights that are asked for while their network is not on the device. */
export function notLoaded(name: string): StudioError {
  return new StudioError('part-not-loaded', `${name} was asked for while its network is not loaded.`, {
    where: name,
    remedy: 'This is a bug; please report it.',
  });
}

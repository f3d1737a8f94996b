// The numbers of one run of a case, to compare another run of it with: the index has none for weights rounded to half.

type Entry = { readonly key: string; readonly values: unknown };

/** Takes the numbers of a first run; after `replay` it hands them out again, in the same order. */
export class Recording {
  readonly #entries: Entry[] = [];
  #next: number | null = null;

  /** Starts to hand out. */
  replay(): this {
    this.#next = 0;
    return this;
  }

  /** In the first run takes `actual` and gives it back; in a later one gives what the first run had there. */
  expected<T>(id: string, quantity: string, actual: T): T {
    const key = `${id} ${quantity}`;
    if (this.#next === null) {
      this.#entries.push({ key, values: actual });
      return actual;
    }
    const entry = this.#entries[this.#next++];
    if (entry?.key !== key) throw new Error(`The run with rounded weights on wasm has no "${key}" here.`);
    return entry.values as T;
  }
}

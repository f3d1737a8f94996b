/** Random numbers of a fuzz case: the same for the same seed, target and case, whatever ran before. */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  constructor(seed: number, target: number, index: number) {
    [this.#a, this.#b, this.#c] = [seed >>> 0, Math.imul(target + 1, 0x9e3779b9) >>> 0, index >>> 0];
    for (let i = 0; i < 12; i++) this.next();
  }

  /** 32 bits: sfc32 of PractRand, by Chris Doty-Humphrey. */
  next(): number {
    const sum = (this.#a + this.#b + this.#d) >>> 0;
    this.#d = (this.#d + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) >>> 0;
    this.#c = (this.#c + sum) >>> 0;
    return sum;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return this.next() % below;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

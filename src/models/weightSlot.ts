import type { WeightFormat } from '../contract/backend.ts';
import type { Tensor } from '../tensor/tf.ts';
import { disposeWeight, type Weight } from '../tensor/weights.ts';
import { notLoaded } from './table.ts';

/** A weight whose values can leave the device and come back, while layers and adapters go on holding it. */
export class WeightSlot implements Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly format: WeightFormat;
  #held: Weight | null = null;

  /** @param shape in memory, as `makeWeight` takes it */
  constructor(name: string, shape: readonly number[], format: WeightFormat) {
    this.name = name;
    this.shape = shape;
    this.format = format;
  }

  get loaded(): boolean {
    return this.#held !== null;
  }

  /** Takes the weight over. */
  fill(weight: Weight): void {
    this.leave();
    this.#held = weight;
  }

  leave(): void {
    if (this.#held !== null) disposeWeight(this.#held);
    this.#held = null;
  }

  get tensor(): Tensor {
    return this.#weight.tensor;
  }

  get packed(): boolean {
    return this.#weight.packed;
  }

  get buffer(): GPUBuffer | null {
    return this.#weight.buffer;
  }

  get #weight(): Weight {
    if (this.#held === null) throw notLoaded(this.name);
    return this.#held;
  }
}

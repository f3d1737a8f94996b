/**
 * A network whose frozen matrices and tables can leave memory and come back. Vectors (biases, norms: a thousandth of the
 * whole) and the typed records made from `source` stay, so that layers keep their identity.
 */

import type { WeightFormat } from '../contract/backend.ts';
import { steadyMs } from '../lib/clock.ts';
import { StudioError } from '../lib/errors.ts';
import { uploadsTaken } from '../tensor/pace.ts';
import { type Tensor1D, tf } from '../tensor/tf.ts';
import { makeWeight } from '../tensor/weights.ts';
import type { ParameterReader } from './checkpointReader.ts';
import type { ParameterSource, ParameterSpec } from './parameters.ts';
import { Table } from './table.ts';
import { WeightSlot } from './weightSlot.ts';

type PartOptions = {
  /** Precision frozen matrices are kept at; vectors are always f32. */
  readonly format: WeightFormat;
  /** False where the matrices go as soon as nobody holds them. */
  readonly stays: boolean;
};

/** Milliseconds that were spent on files, and on bringing what they hold to the device. */
export type Waited = { readonly files: number; readonly device: number };

export type ReadOptions = {
  readonly onBytes?: ((bytes: number, waited: Waited) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Bytes of a file that may wait to be taken by the device, which has them in memory until then. */
const MOST_WAITING = 64 * 2 ** 20;

export class Part {
  readonly specs: readonly ParameterSpec[];
  readonly source: ParameterSource;
  readonly #reader: ParameterReader;
  readonly #options: PartOptions;
  readonly #vectors: ReadonlyMap<string, Tensor1D>;
  readonly #slots: ReadonlyMap<string, WeightSlot | Table>;
  #holders = 0;
  #loading: Promise<void> | null = null;
  #loaded = false;
  #disposed = false;

  private constructor(
    reader: ParameterReader,
    specs: readonly ParameterSpec[],
    vectors: ReadonlyMap<string, Tensor1D>,
    options: PartOptions,
  ) {
    this.specs = specs;
    this.#reader = reader;
    this.#options = options;
    this.#vectors = vectors;
    const slots = specs.filter((s) => s.kind !== 'vector').map((s) => [s.name, slotOf(s, options.format)]);
    this.#slots = new Map(slots as [string, WeightSlot | Table][]);
    this.source = {
      vector: (name) => found(vectors, name),
      weight: (name) => found(this.#slots, name) as WeightSlot,
      table: (name) => found(this.#slots, name) as Table,
    };
  }

  /** Reads the vectors only. */
  static async open(
    reader: ParameterReader,
    specs: readonly ParameterSpec[],
    options: PartOptions,
    { onBytes, signal }: ReadOptions = {},
  ): Promise<Part> {
    const vectors = new Map<string, Tensor1D>();
    try {
      for (const spec of specs) {
        if (spec.kind !== 'vector') continue;
        signal?.throwIfAborted();
        const start = steadyMs();
        vectors.set(spec.name, tf.keep(tf.tensor1d(await reader.vector(spec))));
        onBytes?.(reader.sizeOf(spec), { files: steadyMs() - start, device: 0 });
      }
    } catch (error) {
      for (const tensor of vectors.values()) tensor.dispose();
      throw error;
    }
    return new Part(reader, specs, vectors, options);
  }

  /** Shape of a parameter in the checkpoint. */
  shapeOf(name: string): readonly number[] {
    return this.#specOf(name).shape;
  }

  /** Values of a parameter in the checkpoint's layout, read from the file whether the part is loaded or not. */
  storedValues(name: string): Promise<Float32Array> {
    return this.#reader.vector(this.#specOf(name));
  }

  #specOf(name: string): ParameterSpec {
    const spec = this.specs.find((s) => s.name === name);
    if (spec === undefined) throw new RangeError(`there is no parameter ${name}`);
    return spec;
  }

  /** True while the matrices are on the device. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Bytes that `load` reads from the file. */
  get matrixFileBytes(): number {
    return this.specs.reduce((sum, s) => sum + (s.kind === 'vector' ? 0 : this.#reader.sizeOf(s)), 0);
  }

  /**
   * Brings the matrices, one tensor at a time, unless they are there. What was read stays only when all is.
   * @throws StudioError `weights-not-finite`, `model-unloaded`, DOMException AbortError
   */
  async load(options: ReadOptions = {}): Promise<void> {
    this.#loading ??= this.#read(options).finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** Keeps the part loaded until the function it gives is called. */
  async hold(options: ReadOptions = {}): Promise<() => void> {
    this.#holders++;
    const release = (): void => {
      if (--this.#holders === 0 && !this.#options.stays) this.leave();
    };
    try {
      await this.load(options);
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  /** Frees the matrices and tables. */
  leave(): void {
    this.#loaded = false;
    for (const slot of this.#slots.values()) slot.leave();
  }

  /** Frees everything for good: what is being read does not come any more. */
  dispose(): void {
    this.#disposed = true;
    this.leave();
    for (const tensor of this.#vectors.values()) tensor.dispose();
  }

  async #read({ onBytes, signal }: ReadOptions): Promise<void> {
    if (this.#loaded) return;
    const { format } = this.#options;
    let waiting = 0;
    try {
      for (const spec of this.specs) {
        if (spec.kind === 'vector') continue;
        signal?.throwIfAborted();
        if (this.#disposed) throw unloaded();
        const slot = found(this.#slots, spec.name);
        const bytes = this.#reader.sizeOf(spec);
        const start = steadyMs();
        const isTable = slot instanceof Table;
        const values = await (isTable ? this.#reader.table(spec, format) : this.#reader.matrix(spec, format));
        const read = steadyMs();
        if (isTable) slot.fill(values);
        else slot.fill(makeWeight(values, slot.shape, format, spec.name));
        waiting += bytes;
        if (waiting >= MOST_WAITING) {
          await uploadsTaken();
          waiting = 0;
        }
        onBytes?.(bytes, { files: read - start, device: steadyMs() - read });
      }
      const all = steadyMs();
      await uploadsTaken();
      onBytes?.(0, { files: 0, device: steadyMs() - all });
      this.#loaded = true;
    } catch (error) {
      this.leave();
      throw error;
    }
  }
}

/** A part that is held from its first use until it may rest. */
export function heldInUse(part: Part): { use(): Promise<void>; rest(): void } {
  let release: (() => void) | null = null;
  return {
    use: async () => {
      release ??= await part.hold();
    },
    rest: () => {
      release?.();
      release = null;
    },
  };
}

function unloaded(): StudioError {
  return new StudioError('model-unloaded', 'The model was unloaded while one of its networks was needed.', {
    remedy: 'Try again when a model is loaded.',
  });
}

function slotOf({ name, kind, shape }: ParameterSpec, format: WeightFormat): WeightSlot | Table {
  const [out, inputs, height, width] = shape as [number, number, number, number];
  if (kind === 'table') return new Table(name, out, inputs);
  if (kind === 'conv') return new WeightSlot(name, [height, width, inputs, out], format);
  return new WeightSlot(name, [kind === 'patch' ? inputs * height * width : inputs, out], format);
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new RangeError(`parameter ${name} was not loaded`);
  return value;
}

import type { Projector } from '../models/hooks.ts';
import type { DiffusionModel } from '../models/load.ts';
import { encodeText } from '../models/text/run.ts';
import { trimPool } from '../tensor/memory.ts';
import { prepareKernels } from '../tensor/repeated.ts';
import { type Tensor3D, tf } from '../tensor/tf.ts';

/** Embeddings beyond this size wait in blobs, which browsers keep outside of the tab's memory. */
const MAX_RESIDENT_BYTES = 64 * 2 ** 20;

/**
 * Text embeddings of prompts, each made once and kept on the CPU. The text encoder is loaded while new ones are made; one
 * that does not stay leaves afterwards.
 */
export class PromptContexts {
  readonly #model: DiffusionModel;
  readonly #project: Projector | undefined;
  readonly #byText = new Map<string, Float32Array<ArrayBuffer> | Blob>();
  #shape: readonly [length: number, width: number] = [0, 0];
  #residentBytes = 0;
  /** What encoding needs, all at the same time before the first text: every text has the same sizes. */
  #compiled = false;

  /** @param project the adapter on the text encoder, where there is one */
  constructor(model: DiffusionModel, project?: Projector | undefined) {
    this.#model = model;
    this.#project = project;
  }

  /** Encodes what is not there yet. */
  async prepare(texts: readonly string[], signal?: AbortSignal | undefined): Promise<void> {
    const missing = [...new Set(texts)].filter((text) => !this.#byText.has(text));
    if (missing.length === 0) return;
    const { parts, text: encoder, tokenizer } = this.#model;
    const encode = (text: string): Tensor3D =>
      encodeText(encoder, [tokenizer.encode(text).ids], { output: 'last', project: this.#project });
    const release = await parts.text.hold({ signal });
    try {
      if (!this.#compiled) await prepareKernels(() => encode(missing[0] as string).dispose());
      this.#compiled = true;
      for (const text of missing) {
        signal?.throwIfAborted();
        const embedding = encode(text);
        this.#shape = [embedding.shape[1], embedding.shape[2]];
        this.#keep(text, Float32Array.from((await embedding.data()) as Float32Array));
        embedding.dispose();
      }
    } finally {
      release();
      if (!parts.text.loaded) trimPool();
    }
  }

  /** [texts.length, L, D]; the caller disposes. */
  async rows(texts: readonly string[]): Promise<Tensor3D> {
    const { values, shape } = await this.rowValues(texts);
    return tf.tensor3d(values, [...shape]);
  }

  /** The same as plain numbers. */
  async rowValues(
    texts: readonly string[],
  ): Promise<{ readonly values: Float32Array; readonly shape: readonly [number, number, number] }> {
    await this.prepare(texts);
    const [length, width] = this.#shape;
    const out = new Float32Array(texts.length * length * width);
    for (const [i, text] of texts.entries()) out.set(await this.#valuesOf(text), i * length * width);
    return { values: out, shape: [texts.length, length, width] };
  }

  #keep(text: string, values: Float32Array<ArrayBuffer>): void {
    const fits = this.#residentBytes + values.byteLength <= MAX_RESIDENT_BYTES;
    if (fits) this.#residentBytes += values.byteLength;
    this.#byText.set(text, fits ? values : new Blob([values]));
  }

  async #valuesOf(text: string): Promise<Float32Array> {
    const kept = this.#byText.get(text) as Float32Array | Blob;
    return kept instanceof Blob ? new Float32Array(await kept.arrayBuffer()) : kept;
  }
}

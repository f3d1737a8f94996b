import { type Tensor3D, tf } from '../tensor/tf.ts';
import { embedPrompt, type Session } from './session.ts';

/** Text embeddings of a set's prompts, made once with the frozen text encoder and kept on the CPU. */
export class Embeddings {
  readonly #byText: ReadonlyMap<string, Float32Array>;
  readonly #shape: readonly [number, number];

  private constructor(byText: ReadonlyMap<string, Float32Array>, shape: readonly [number, number]) {
    this.#byText = byText;
    this.#shape = shape;
  }

  static async of(session: Session, texts: readonly string[]): Promise<Embeddings> {
    const byText = new Map<string, Float32Array>();
    let shape: readonly [number, number] = [0, 0];
    for (const text of new Set(texts)) {
      const embedding = embedPrompt(session, text);
      shape = [embedding.shape[1], embedding.shape[2]];
      byText.set(text, Float32Array.from((await embedding.data()) as Float32Array));
      embedding.dispose();
    }
    return new Embeddings(byText, shape);
  }

  /** [texts.length, L, D]; the caller disposes. */
  rows(texts: readonly string[]): Tensor3D {
    const [length, width] = this.#shape;
    const out = new Float32Array(texts.length * length * width);
    for (const [i, text] of texts.entries())
      out.set(this.#byText.get(text) as Float32Array, i * length * width);
    return tf.tensor3d(out, [texts.length, length, width]);
  }
}

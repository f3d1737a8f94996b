/** Plain-loop reference of attention in float64, for tests and for the self-test of kernels. */

type Values = ArrayLike<number>;

const at = (values: Values, i: number): number => values[i] as number;

export type ReferenceAttention = {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly heads: number;
  readonly causal: boolean;
};

/** Probabilities [N, heads, Lq, Lk] of q [N,Lq,D] and k [N,Lk,D]. */
export function referenceAttentionProbs(q: Values, k: Values, g: ReferenceAttention): Float64Array {
  const probs = new Float64Array(g.batch * g.heads * g.queries * g.keys);
  const size = g.width / g.heads;
  for (let n = 0; n < g.batch; n++) {
    for (let head = 0; head < g.heads; head++) {
      for (let query = 0; query < g.queries; query++) {
        const seen = g.causal ? Math.min(query + 1, g.keys) : g.keys;
        const scores: number[] = [];
        for (let key = 0; key < seen; key++) {
          let dot = 0;
          for (let d = 0; d < size; d++) {
            const column = head * size + d;
            dot +=
              at(q, (n * g.queries + query) * g.width + column) *
              at(k, (n * g.keys + key) * g.width + column);
          }
          scores.push(dot / Math.sqrt(size));
        }
        const peak = Math.max(...scores);
        const exps = scores.map((score) => Math.exp(score - peak));
        const total = exps.reduce((sum, e) => sum + e, 0);
        const row = ((n * g.heads + head) * g.queries + query) * g.keys;
        for (const [key, e] of exps.entries()) probs[row + key] = e / total;
      }
    }
  }
  return probs;
}

/** softmax(q k^T / sqrt(D / heads)) v per head: [N, Lq, D]. */
export function referenceAttention(q: Values, k: Values, v: Values, g: ReferenceAttention): Float64Array {
  const probs = referenceAttentionProbs(q, k, g);
  const size = g.width / g.heads;
  const y = new Float64Array(g.batch * g.queries * g.width);
  for (let i = 0; i < y.length; i++) {
    const column = i % g.width;
    const query = Math.floor(i / g.width) % g.queries;
    const n = Math.floor(i / (g.width * g.queries));
    const row = ((n * g.heads + Math.floor(column / size)) * g.queries + query) * g.keys;
    let sum = 0;
    for (let key = 0; key < g.keys; key++)
      sum += at(probs, row + key) * at(v, (n * g.keys + key) * g.width + column);
    y[i] = sum;
  }
  return y;
}

/** How gradients are taken: one tape over the network, or block by block with recomputation. */
export type GradientMode = 'whole' | 'byStage';

/** How a model is run in the memory there is. None of it changes what is computed, but for rounding. */
export type ComputePolicy = {
  /** Most candidates that go through the network together, each with and without its prompt. */
  readonly drawRows: number;
  /** Most images of one backward pass; larger micro-batches are accumulated. */
  readonly trainRows: number;
  readonly sweep: GradientMode;
  /** Bands that images are decoded and encoded in; 1 for one piece. */
  readonly decodeBands: number;
  /** Images decoded together: the decoder's activations are many times larger than the latents. */
  readonly decodeImages: number;
  /** Decode every candidate as soon as it is drawn, not only when somebody looks. */
  readonly decodeAtOnce: boolean;
  /** Dispatches after which commands are submitted; null for the default, which is right for small tensors. */
  readonly submitEvery: number | null;
};

/** For models of which everything fits, as the built-in one. */
export const EVERYTHING_FITS: ComputePolicy = {
  drawRows: Number.POSITIVE_INFINITY,
  trainRows: Number.POSITIVE_INFINITY,
  sweep: 'whole',
  decodeBands: 1,
  decodeImages: 8,
  decodeAtOnce: true,
  submitEvery: null,
};

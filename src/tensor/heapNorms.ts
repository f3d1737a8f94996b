/**
 * Group and layer normalization as loops over memory, for wasm: three passes forward and float64 statistics, where
 * stock kernels need eight passes. Rows of `width` values (pixels of C channels) are read in order; statistics are kept
 * per sample and channel, so the loops that touch data never ask for the group.
 */

/** Per sample and channel, [N * C]. */
export type Statistics = { readonly mean: Float64Array; readonly inverseStd: Float64Array };

export type NormShape = {
  readonly samples: number;
  readonly channels: number;
  readonly groups: number;
  readonly eps: number;
};

/** Mean and inverse standard deviation over pixels and the channels of each group. */
export function groupStatistics(x: Float32Array, shape: NormShape): Statistics {
  const { samples, channels } = shape;
  const mean = new Float64Array(samples * channels);
  const variance = new Float64Array(samples * channels);
  const sampleSize = x.length / samples;
  for (let n = 0; n < samples; n++) {
    const row = mean.subarray(n * channels, (n + 1) * channels);
    for (let i = n * sampleSize; i < (n + 1) * sampleSize; i += channels) {
      for (let c = 0; c < channels; c++) row[c] = (row[c] as number) + (x[i + c] as number);
    }
  }
  averageGroups(mean, sampleSize, shape);
  for (let n = 0; n < samples; n++) {
    const center = mean.subarray(n * channels, (n + 1) * channels);
    const row = variance.subarray(n * channels, (n + 1) * channels);
    for (let i = n * sampleSize; i < (n + 1) * sampleSize; i += channels) {
      for (let c = 0; c < channels; c++) {
        const centered = (x[i + c] as number) - (center[c] as number);
        row[c] = (row[c] as number) + centered * centered;
      }
    }
  }
  averageGroups(variance, sampleSize, shape);
  const inverseStd = variance.map((value) => 1 / Math.sqrt(value + shape.eps));
  return { mean, inverseStd };
}

/** `y = (x - mean) inverseStd gamma + beta` per channel. */
export function normalizeInto(
  y: Float32Array,
  x: Float32Array,
  { mean, inverseStd }: Statistics,
  gamma: Float32Array,
  beta: Float32Array,
): void {
  const channels = gamma.length;
  const gain = inverseStd.map((value, i) => value * (gamma[i % channels] as number));
  const offset = gain.map((value, i) => (beta[i % channels] as number) - (mean[i] as number) * value);
  const samples = mean.length / channels;
  const sampleSize = x.length / samples;
  for (let n = 0; n < samples; n++) {
    const gains = gain.subarray(n * channels, (n + 1) * channels);
    const offsets = offset.subarray(n * channels, (n + 1) * channels);
    for (let i = n * sampleSize; i < (n + 1) * sampleSize; i += channels) {
      for (let c = 0; c < channels; c++) {
        y[i + c] = (x[i + c] as number) * (gains[c] as number) + (offsets[c] as number);
      }
    }
  }
}

/**
 * Gradient of the normalized input: with `g` the gradient after the affine part,
 * `dx = inverseStd (g - mean(g) - xh mean(g xh))`, means over the group. `dx` may be `g`.
 */
export function normGradientInto(
  dx: Float32Array,
  g: Float32Array,
  x: Float32Array,
  { mean, inverseStd }: Statistics,
  shape: NormShape,
): void {
  const { samples, channels } = shape;
  const sampleSize = x.length / samples;
  const meanG = new Float64Array(samples * channels);
  const meanGx = new Float64Array(samples * channels);
  for (let n = 0; n < samples; n++) {
    const [from, to] = [n * channels, (n + 1) * channels];
    const [sumG, sumGx] = [meanG.subarray(from, to), meanGx.subarray(from, to)];
    const center = mean.subarray(from, to);
    for (let i = n * sampleSize; i < (n + 1) * sampleSize; i += channels) {
      for (let c = 0; c < channels; c++) {
        const value = g[i + c] as number;
        sumG[c] = (sumG[c] as number) + value;
        sumGx[c] = (sumGx[c] as number) + value * ((x[i + c] as number) - (center[c] as number));
      }
    }
  }
  averageGroups(meanG, sampleSize, shape);
  averageGroups(meanGx, sampleSize, shape);
  // dx = g slope + x curve + offset, with the constants of each channel.
  const curve = inverseStd.map((value, i) => -(value ** 3) * (meanGx[i] as number));
  const offset = inverseStd.map(
    (value, i) => -value * (meanG[i] as number) - (curve[i] as number) * (mean[i] as number),
  );
  for (let n = 0; n < samples; n++) {
    const [from, to] = [n * channels, (n + 1) * channels];
    const [slopes, curves, offsets] = [inverseStd, curve, offset].map((all) => all.subarray(from, to)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let i = n * sampleSize; i < (n + 1) * sampleSize; i += channels) {
      for (let c = 0; c < channels; c++) {
        dx[i + c] =
          (g[i + c] as number) * (slopes[c] as number) +
          (x[i + c] as number) * (curves[c] as number) +
          (offsets[c] as number);
      }
    }
  }
}

/** Layer normalization of every row of `gamma.length` values. */
export function layerNormRows(
  y: Float32Array,
  x: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  eps: number,
): void {
  const width = gamma.length;
  for (let row = 0; row < x.length; row += width) {
    const { mean, inverseStd } = rowStatistics(x, row, width, eps);
    for (let c = 0; c < width; c++) {
      y[row + c] = ((x[row + c] as number) - mean) * inverseStd * (gamma[c] as number) + (beta[c] as number);
    }
  }
}

/** Input gradient of `layerNormRows`. */
export function layerNormGradientRows(
  dx: Float32Array,
  x: Float32Array,
  gamma: Float32Array,
  dy: Float32Array,
  eps: number,
): void {
  const width = gamma.length;
  for (let row = 0; row < x.length; row += width) {
    const { mean, inverseStd } = rowStatistics(x, row, width, eps);
    let sumG = 0;
    let sumGx = 0;
    for (let c = 0; c < width; c++) {
      const g = (dy[row + c] as number) * (gamma[c] as number);
      sumG += g;
      sumGx += g * ((x[row + c] as number) - mean);
    }
    const meanG = sumG / width;
    const curve = (sumGx / width) * inverseStd ** 2;
    for (let c = 0; c < width; c++) {
      const g = (dy[row + c] as number) * (gamma[c] as number);
      dx[row + c] = inverseStd * (g - meanG - ((x[row + c] as number) - mean) * curve);
    }
  }
}

function rowStatistics(
  x: Float32Array,
  row: number,
  width: number,
  eps: number,
): { mean: number; inverseStd: number } {
  let sum = 0;
  for (let c = 0; c < width; c++) sum += x[row + c] as number;
  const mean = sum / width;
  let squares = 0;
  for (let c = 0; c < width; c++) squares += ((x[row + c] as number) - mean) ** 2;
  return { mean, inverseStd: 1 / Math.sqrt(squares / width + eps) };
}

/** Replaces channel sums by the mean over each group. */
function averageGroups(sums: Float64Array, sampleSize: number, { channels, groups }: NormShape): void {
  const size = channels / groups;
  const count = (sampleSize / channels) * size;
  for (let first = 0; first < sums.length; first += size) {
    let total = 0;
    for (let c = 0; c < size; c++) total += sums[first + c] as number;
    sums.fill(total / count, first, first + size);
  }
}

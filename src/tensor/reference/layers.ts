/** Plain-loop references in float64 for linear, convolution, norms and resampling. Layouts are those of the ops. */

type Values = ArrayLike<number>;

const at = (values: Values, i: number): number => values[i] as number;

/** x [rows, inner], w [inner, columns], bias [columns] or null; gives [rows, columns]. */
export function referenceLinear(
  x: Values,
  w: Values,
  bias: Values | null,
  [rows, inner, columns]: readonly [number, number, number],
): Float64Array {
  const y = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = bias === null ? 0 : at(bias, column);
      for (let k = 0; k < inner; k++) sum += at(x, row * inner + k) * at(w, k * columns + column);
      y[row * columns + column] = sum;
    }
  }
  return y;
}

export type ReferenceConv = {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padBefore: number;
  readonly padAfter: number;
};

/** x [N,H,W,Cin], w [k,k,Cin,Cout]; gives [N,H',W',Cout]. */
export function referenceConv2d(x: Values, w: Values, bias: Values | null, g: ReferenceConv): Float64Array {
  const out = (size: number): number =>
    Math.floor((size + g.padBefore + g.padAfter - g.kernel) / g.stride) + 1;
  const [outHeight, outWidth] = [out(g.height), out(g.width)];
  const y = new Float64Array(g.batch * outHeight * outWidth * g.outChannels);
  let i = 0;
  for (let n = 0; n < g.batch; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        for (let co = 0; co < g.outChannels; co++) {
          y[i++] = (bias === null ? 0 : at(bias, co)) + convTap(x, w, g, n, oy, ox, co);
        }
      }
    }
  }
  return y;
}

function convTap(
  x: Values,
  w: Values,
  g: ReferenceConv,
  n: number,
  oy: number,
  ox: number,
  co: number,
): number {
  let sum = 0;
  for (let ky = 0; ky < g.kernel; ky++) {
    const iy = oy * g.stride + ky - g.padBefore;
    if (iy < 0 || iy >= g.height) continue;
    for (let kx = 0; kx < g.kernel; kx++) {
      const ix = ox * g.stride + kx - g.padBefore;
      if (ix < 0 || ix >= g.width) continue;
      const pixel = ((n * g.height + iy) * g.width + ix) * g.inChannels;
      const tap = (ky * g.kernel + kx) * g.inChannels;
      for (let ci = 0; ci < g.inChannels; ci++) {
        sum += at(x, pixel + ci) * at(w, (tap + ci) * g.outChannels + co);
      }
    }
  }
  return sum;
}

/** The gradient of `referenceConv2d` by x, from that of its outputs dy [N,H',W',Cout]: every tap the other way. */
export function referenceConv2dGradient(dy: Values, w: Values, g: ReferenceConv): Float64Array {
  const out = (size: number): number =>
    Math.floor((size + g.padBefore + g.padAfter - g.kernel) / g.stride) + 1;
  const [outHeight, outWidth] = [out(g.height), out(g.width)];
  const dx = new Float64Array(g.batch * g.height * g.width * g.inChannels);
  const taps = g.kernel * g.kernel;
  for (let place = 0; place < g.batch * outHeight * outWidth; place++) {
    const [oy, ox] = [Math.floor(place / outWidth) % outHeight, place % outWidth];
    const n = Math.floor(place / (outHeight * outWidth));
    for (let tap = 0; tap < taps; tap++) {
      const iy = oy * g.stride + Math.floor(tap / g.kernel) - g.padBefore;
      const ix = ox * g.stride + (tap % g.kernel) - g.padBefore;
      if (iy < 0 || iy >= g.height || ix < 0 || ix >= g.width) continue;
      const pixel = ((n * g.height + iy) * g.width + ix) * g.inChannels;
      for (let ci = 0; ci < g.inChannels; ci++) {
        const row = (tap * g.inChannels + ci) * g.outChannels;
        let sum = 0;
        for (let co = 0; co < g.outChannels; co++)
          sum += at(dy, place * g.outChannels + co) * at(w, row + co);
        dx[pixel + ci] = (dx[pixel + ci] as number) + sum;
      }
    }
  }
  return dx;
}

/** x [N, pixels, C]; statistics over pixels and the channels of a group. */
export function referenceGroupNorm(
  x: Values,
  gamma: Values,
  beta: Values,
  [batch, pixels, channels]: readonly [number, number, number],
  options: { readonly groups: number; readonly eps: number; readonly silu: boolean },
): Float64Array {
  const y = new Float64Array(batch * pixels * channels);
  const size = channels / options.groups;
  for (let n = 0; n < batch; n++) {
    for (let group = 0; group < options.groups; group++) {
      const places: number[] = [];
      for (let pixel = 0; pixel < pixels; pixel++) {
        for (let c = 0; c < size; c++) places.push((n * pixels + pixel) * channels + group * size + c);
      }
      const { mean, inverseStd } = statistics(x, places, options.eps);
      for (const place of places) {
        const c = place % channels;
        const value = (at(x, place) - mean) * inverseStd * at(gamma, c) + at(beta, c);
        y[place] = options.silu ? value / (1 + Math.exp(-value)) : value;
      }
    }
  }
  return y;
}

/** x [rows, width]; statistics over each row. */
export function referenceLayerNorm(
  x: Values,
  gamma: Values,
  beta: Values,
  [rows, width]: readonly [number, number],
  eps: number,
): Float64Array {
  const y = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const places = Array.from({ length: width }, (_, i) => row * width + i);
    const { mean, inverseStd } = statistics(x, places, eps);
    for (const [c, place] of places.entries()) {
      y[place] = (at(x, place) - mean) * inverseStd * at(gamma, c) + at(beta, c);
    }
  }
  return y;
}

function statistics(x: Values, places: readonly number[], eps: number): { mean: number; inverseStd: number } {
  const mean = places.reduce((sum, place) => sum + at(x, place), 0) / places.length;
  const variance = places.reduce((sum, place) => sum + (at(x, place) - mean) ** 2, 0) / places.length;
  return { mean, inverseStd: 1 / Math.sqrt(variance + eps) };
}

/** x [N,H,W,C] to [N,H',W',C]; source row floor(row H / H'). */
export function referenceUpsample(
  x: Values,
  [batch, height, width, channels]: readonly [number, number, number, number],
  [outHeight, outWidth]: readonly [number, number],
): Float64Array {
  const y = new Float64Array(batch * outHeight * outWidth * channels);
  let i = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      const iy = Math.floor((oy * height) / outHeight);
      for (let ox = 0; ox < outWidth; ox++) {
        const ix = Math.floor((ox * width) / outWidth);
        for (let c = 0; c < channels; c++) y[i++] = at(x, ((n * height + iy) * width + ix) * channels + c);
      }
    }
  }
  return y;
}

/** @param shape [N, pixels, C] of `x` */
export function referenceGroupMoments(
  x: ArrayLike<number>,
  [samples, pixels, channels]: readonly [number, number, number],
  groups: number,
): { mean: Float64Array; squares: Float64Array } {
  const size = channels / groups;
  const mean = new Float64Array(samples * groups);
  const squares = new Float64Array(samples * groups);
  for (let sample = 0; sample < samples; sample++) {
    for (let group = 0; group < groups; group++) {
      const values: number[] = [];
      for (let pixel = 0; pixel < pixels; pixel++) {
        const start = (sample * pixels + pixel) * channels + group * size;
        for (let c = 0; c < size; c++) values.push(x[start + c] as number);
      }
      const center = values.reduce((sum, value) => sum + value, 0) / values.length;
      mean[sample * groups + group] = center;
      squares[sample * groups + group] = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
    }
  }
  return { mean, squares };
}

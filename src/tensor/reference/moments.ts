/** Plain loops for `groupMoments`, in float64. */

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

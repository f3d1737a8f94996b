/**
 * Sinusoidal timestep embedding (diffusers get_timestep_embedding).
 *
 * Differs from exact arithmetic: diffusers forms the angle in float32, off by up to 6e-5 per element at
 * t near 1000. The same rounding is made here, since the networks were trained with it. Sine and cosine are
 * taken in JavaScript: WGSL promises only 2^-11 for them.
 *
 * @param t timesteps; may be fractional (Euler with linspace spacing)
 * @returns row-major [t.length, width]
 */
export function timestepEmbedding(
  t: readonly number[],
  width: number,
  options: { readonly flipSinToCos: boolean; readonly freqShift: number },
): Float32Array {
  const half = Math.floor(width / 2);
  const out = new Float32Array(t.length * width);
  const f = Math.fround;
  const logMax = f(-Math.log(10000));
  for (let i = 0; i < half; i++) {
    const frequency = f(Math.exp(f(f(logMax * i) / f(half - options.freqShift))));
    t.forEach((value, row) => {
      const angle = f(f(value) * frequency);
      const first = options.flipSinToCos ? Math.cos(angle) : Math.sin(angle);
      const second = options.flipSinToCos ? Math.sin(angle) : Math.cos(angle);
      out[row * width + i] = first;
      out[row * width + half + i] = second;
    });
  }
  return out;
}

/** The only way for compute code to read the time: for measurements, which never change what is computed. */

/** Milliseconds on a clock that never goes back, from an arbitrary start. */
export function steadyMs(): number {
  return performance.now();
}

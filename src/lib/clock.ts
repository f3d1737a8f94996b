/** The only door of code that computes to the time: for measurements, which never change what is computed from what. */

/** Milliseconds on a clock that never goes back, from an arbitrary start. */
export function steadyMs(): number {
  return performance.now();
}

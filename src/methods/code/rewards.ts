/** Rewards of candidates: what a method prefers one image over another by. */

/** Strictly greater, compared in float32 as upstream does: .92 does not exceed .92, nor does .920000001. */
export function exceeds(reward: number, threshold: number): boolean {
  return Math.fround(reward) > Math.fround(threshold);
}

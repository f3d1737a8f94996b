/** Device memory that plans and runs may use: what the user allows, and what the device turned out to have. */
import type { LoadPlan, PlanMode } from '../contract/loadPlan.ts';
import { DEFAULT_BUDGETS } from '../planning/memory.ts';
import { tryAllocation } from '../tensor/webgpu/bufferMeter.ts';

export class MemoryBudget {
  readonly #budgets: Record<PlanMode, number> = { ...DEFAULT_BUDGETS };
  /** The most bytes that the device is known to have, and the fewest that it is known to lack. */
  #has = 0;
  #lacks = Number.POSITIVE_INFINITY;

  /** Holds from now on. */
  allow(mode: PlanMode, bytes: number): void {
    this.#budgets[mode] = bytes;
  }

  of(mode: PlanMode): number {
    return Math.min(this.#budgets[mode], this.#lacks - 1);
  }

  /** Another device is in use. */
  forgetDevice(): void {
    this.#has = 0;
    this.#lacks = Number.POSITIVE_INFINITY;
  }

  /** Whether the device really gives so many bytes. */
  async try(bytes: number): Promise<LoadPlan['trial']> {
    if (bytes <= this.#has) return 'passed';
    const found = await tryAllocation(bytes);
    if (found === null) return 'skipped';
    if (found) this.#has = bytes;
    else this.#lacks = Math.min(this.#lacks, bytes);
    return found ? 'passed' : 'failed';
  }
}

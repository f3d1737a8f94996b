/** Which form of each kernel runs on webgpu. The choice is made in variants.ts; kernels only read it. */

/** The products with a frozen weight, by the names of their shaders. */
export const productOps = ['linear', 'linear_gradient', 'conv2d', 'conv2d_gradient'] as const;
export type ProductOp = (typeof productOps)[number];

/** Ops that have several forms. */
export const kernelOps = [...productOps, 'attention', 'attention_gradient'] as const;
export type KernelOp = (typeof kernelOps)[number];

/**
 * `registers`: no barriers and no workgroup memory; `workgroup`: tiled through workgroup memory; `tiles` and `large_tiles`:
 * products tiled through workgroup memory and registers, 64 x 64 or 128 x 128 values of a workgroup; `subgroups`: values
 * are passed within a subgroup.
 */
export type KernelVariant = 'registers' | 'workgroup' | 'tiles' | 'large_tiles' | 'subgroups';

const ofProducts = ['registers', 'tiles', 'large_tiles', 'subgroups'] as const;

/** The forms of each op; the first runs everywhere, is the fastest on software adapters, and is the default. */
export const variantsOf = {
  linear: ofProducts,
  linear_gradient: ofProducts,
  conv2d: ofProducts,
  conv2d_gradient: ofProducts,
  attention: ['registers', 'workgroup', 'subgroups'],
  attention_gradient: ['registers', 'workgroup'],
} as const satisfies Record<KernelOp, readonly [KernelVariant, ...KernelVariant[]]>;

export type VariantOf<Op extends KernelOp> = (typeof variantsOf)[Op][number];

const chosen: Record<KernelOp, KernelVariant> = {
  linear: 'registers',
  linear_gradient: 'registers',
  conv2d: 'registers',
  conv2d_gradient: 'registers',
  attention: 'registers',
  attention_gradient: 'registers',
};

/** The form in which an op runs now. */
export function chosenVariant<Op extends KernelOp>(op: Op): VariantOf<Op> {
  return chosen[op] as VariantOf<Op>;
}

/** Holds for every launch from here on. */
export function chooseVariant<Op extends KernelOp>(op: Op, variant: VariantOf<Op>): void {
  chosen[op] = variant;
}

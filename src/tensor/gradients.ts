/** Gradients on the tape, in the forms of kernels that gradients are computed in. */
import { type Tensor, tf } from './tf.ts';
import { inGradientForms } from './wasm/forms.ts';

/** @param xs what to differentiate with respect to; @param dy gradient of the value, by default 1 */
export function gradients<T extends Tensor>(
  f: () => T,
  xs: readonly Tensor[],
  dy?: T,
): { readonly value: T; readonly grads: readonly Tensor[] } {
  return inGradientForms(() => tf.engine().gradients(f, [...xs], dy));
}

/** `gradients` of what may not depend on some of `xs`: undefined there. */
export function gradientsIfAny<T extends Tensor>(
  f: () => T,
  xs: readonly Tensor[],
  dy?: T,
): { readonly value: T; readonly grads: readonly (Tensor | undefined)[] } {
  return inGradientForms(() => tf.engine().gradients(f, [...xs], dy, true));
}

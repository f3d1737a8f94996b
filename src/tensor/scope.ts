import { tf } from './tf.ts';

/** `tf.tidy` for results of any plain shape (records, arrays, null): tensors in the result live on, others are freed. */
export function scope<T>(run: () => T): T {
  return tf.tidy(run as () => tf.TensorContainer) as T;
}

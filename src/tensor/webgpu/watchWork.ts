/** What real code dispatches, kernel by kernel, for whoever works out how long it takes. */
import { sizeOf, type TensorInfo, tf, WebGPUBackend } from '../tf.ts';
import { type Work, watchEncoder } from './encoder.ts';

/** Runs `work` on the active webgpu backend and tells of every dispatch, of our kernels and of tfjs' own. */
export async function watchWork<T>(watch: (dispatch: Work) => void, work: () => Promise<T>): Promise<T> {
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) return work();
  const { runWebGPUProgram } = backend;
  backend.runWebGPUProgram = (...program) => {
    const [{ outputShape }, inputs] = program;
    const bytesRead = inputs.reduce((sum, input) => sum + bytesOf(input), 0);
    watch({ label: 'tfjs', work: 0, bytesRead, bytesWritten: 4 * sizeOf(outputShape) });
    return runWebGPUProgram.apply(backend, program);
  };
  watchEncoder(watch);
  try {
    return await work();
  } finally {
    watchEncoder(null);
    Object.assign(backend, { runWebGPUProgram });
  }
}

function bytesOf({ shape }: TensorInfo): number {
  return 4 * sizeOf(shape);
}

/**
 * A computation that is done again and again on other values of the same sizes. On webgpu its launches are recorded once
 * and then replayed; elsewhere, and where it uses kernels of tfjs, it simply runs.
 */
import { type Tensor, tf, WebGPUBackend } from './tf.ts';
import { compileAhead } from './webgpu/launch.ts';
import { copyValues, type Recording, recordLaunches } from './webgpu/recording.ts';

/** What an input holds in one run: `size` values of a tensor from `first` on, `times` one after another. */
type Filling = {
  readonly from: Tensor;
  readonly first: number;
  readonly size: number;
  readonly times: number;
};

type Repeated = {
  /** Compiles what a run launches, all at once and before it is needed; nothing is computed. */
  compile(): Promise<void>;
  /** Runs it once. @returns a new tensor */
  run(fillings: readonly Filling[]): Tensor;
  dispose(): void;
};

/**
 * @param shapes of the inputs that change from run to run; what else `work` uses must stay the same and outlive it
 * @param work computes one new tensor of the inputs and frees what else it makes
 */
export function repeated(
  shapes: readonly (readonly number[])[],
  work: (inputs: readonly Tensor[]) => Tensor,
): Repeated {
  const backend = tf.backend();
  return backend instanceof WebGPUBackend ? recorded(backend, shapes, work) : plain(shapes, work);
}

/**
 * As `Repeated.compile`, for work that is done once. Does nothing on wasm.
 * @param work computes of what is there already, or of tensors of the same sizes, and frees all of it
 */
export async function prepareKernels(work: () => void): Promise<void> {
  const backend = tf.backend();
  if (backend instanceof WebGPUBackend) await compileAhead(backend, work);
}

function plain(
  shapes: readonly (readonly number[])[],
  work: (inputs: readonly Tensor[]) => Tensor,
): Repeated {
  return {
    compile: async () => undefined,
    run: (fillings) =>
      tf.tidy(() =>
        work(
          fillings.map(({ from, first, size, times }, i) => {
            const all = tf.reshape(from, [-1]);
            const part = first === 0 && size === from.size ? all : tf.slice(all, first, size);
            const whole = times === 1 ? part : tf.concat(new Array<Tensor>(times).fill(part));
            return tf.reshape(whole, [...(shapes[i] as readonly number[])]);
          }),
        ),
      ),
    dispose: () => undefined,
  };
}

function recorded(
  backend: WebGPUBackend,
  shapes: readonly (readonly number[])[],
  work: (inputs: readonly Tensor[]) => Tensor,
): Repeated {
  const inputs = shapes.map((shape) => tf.keep(allocate(backend, shape)));
  let recording: Recording | null | undefined;
  const fill = (fillings: readonly Filling[]): void => {
    for (const [i, { from, first, size, times }] of fillings.entries()) {
      backend.uploadToGPU(from.dataId);
      for (let copy = 0; copy < times; copy++) {
        copyValues(
          backend,
          { tensor: from, first },
          { tensor: inputs[i] as Tensor, first: copy * size },
          size,
        );
      }
    }
  };
  return {
    async compile() {
      const onlyOurs = await compileAhead(backend, () => work(inputs).dispose());
      // A recording that fails has computed for nothing.
      if (!onlyOurs && recording === undefined) recording = null;
    },
    run(fillings) {
      fill(fillings);
      // Unknown until the first run or the compilation.
      if (recording === undefined) recording = recordLaunches(backend, () => work(inputs));
      else recording?.replay();
      if (recording === null) return work(inputs);
      const { output } = recording;
      const result = allocate(backend, output.shape);
      copyValues(backend, { tensor: output, first: 0 }, { tensor: result, first: 0 }, result.size);
      return result;
    },
    dispose() {
      recording?.dispose();
      tf.dispose(inputs);
    },
  };
}

function allocate(backend: WebGPUBackend, shape: readonly number[]): Tensor {
  const info = backend.makeTensorInfo([...shape], 'float32');
  backend.uploadToGPU(info.dataId);
  return tf.engine().makeTensorFromTensorInfo(info);
}

/**
 * Registers an op: one named tfjs kernel per backend and one gradient. Going through the engine makes the op an
 * ordinary tape node: gradients are lazy, and inputs that no trainable depends on never get one.
 */
import { Compose } from '../composed/compose.ts';
import { BackendWasm, type KernelBackend, type Tensor, type TensorInfo, tf, WebGPUBackend } from '../tf.ts';
import { Heap } from '../wasm/heap.ts';

type Infos<I extends string> = Record<I, TensorInfo>;

type Result = TensorInfo | TensorInfo[];

type OpDefinition<I extends string, A extends object> = {
  readonly name: string;
  /**
   * Stock kernels, right on every backend; needed unless the other two cover every size. What it makes is freed, except
   * its results.
   */
  readonly composed?: (compose: Compose, inputs: Infos<I>, attrs: A) => Result;
  /** Our WGSL. Null means that the sizes do not fit and the composed form is used. */
  readonly webgpu?: (backend: WebGPUBackend, inputs: Infos<I>, attrs: A) => Result | null;
  /**
   * Our wasm kernels or loops over its memory. Null means that the sizes do not fit and the composed form is used. What it
   * makes is freed, except its results.
   */
  readonly wasm?: (heap: Heap, inputs: Infos<I>, attrs: A) => Result | null;
  readonly gradient?: OpGradient<I, A>;
};

type OpGradient<I extends string, A extends object> = {
  readonly save: readonly I[];
  /** Which outputs are saved after the inputs; default none. */
  readonly saveOutputs?: readonly boolean[];
  /**
   * Gives a closure per differentiable input. A closure runs in its own tidy, so work shared by several inputs is done
   * before returning, and no two inputs may be given the same tensor.
   */
  readonly run: (
    dys: readonly Tensor[],
    saved: readonly Tensor[],
    attrs: A,
  ) => Partial<Record<I, () => Tensor>>;
};

type Op<I extends string, A extends object> = (
  inputs: Partial<Record<I, Tensor>> & Record<string, Tensor>,
  attrs: A,
) => Tensor[];

/** Registers the kernels and the gradient; returns the function that runs the op and gives its outputs. */
export function defineOp<I extends string, A extends object>(op: OpDefinition<I, A>): Op<I, A> {
  const compose = (scratch: Compose, inputs: Infos<I>, attrs: A): TensorInfo[] => {
    if (op.composed === undefined) throw new Error(`${op.name} has no form for backend ${tf.getBackend()}`);
    const outputs = asArray(op.composed(scratch, inputs, attrs));
    scratch.release(outputs);
    return outputs;
  };
  for (const backendName of ['wasm', 'webgpu']) {
    tf.registerKernel({
      kernelName: op.name,
      backendName,
      kernelFunc: (parameters) => {
        const inputs = parameters.inputs as unknown as Infos<I>;
        const attrs = parameters.attrs as unknown as A;
        const backend = parameters.backend as KernelBackend;
        if (op.webgpu !== undefined && backend instanceof WebGPUBackend) {
          const outputs = op.webgpu(backend, inputs, attrs);
          if (outputs !== null) return asArray(outputs);
        }
        if (!(backend instanceof BackendWasm)) return compose(new Compose(backend), inputs, attrs);
        const heap = new Heap(backend);
        const result = op.wasm?.(heap, inputs, attrs) ?? null;
        if (result === null) return compose(heap, inputs, attrs);
        const outputs = asArray(result);
        heap.release(outputs);
        return outputs;
      },
    });
  }
  const { gradient } = op;
  if (gradient !== undefined) {
    tf.registerGradient({
      kernelName: op.name,
      inputsToSave: [...gradient.save],
      outputsToSave: [...(gradient.saveOutputs ?? [])],
      gradFunc: (dy, saved, attrs) =>
        gradient.run(asArray(dy), saved, attrs as unknown as A) as Record<string, () => Tensor>,
    });
  }
  return (inputs, attrs) =>
    asArray(
      tf.engine().runKernel(op.name, inputs as tf.NamedTensorMap, attrs as unknown as tf.NamedAttrMap) as
        | Tensor
        | Tensor[],
    );
}

/** The single output of an op. */
export function only(outputs: readonly Tensor[]): Tensor {
  return outputs[0] as Tensor;
}

function asArray<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : [value];
}

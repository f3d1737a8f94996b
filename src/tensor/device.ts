/**
 * Opens a compute backend. On webgpu the device is ours, not the one tfjs would make: tfjs asks for few limits, no
 * features, hides lost devices and turns every GPU error into silent zeros.
 */

import type { AdapterDescription, BackendInfo, WasmPaths } from '../contract/backend.ts';
import type { BackendChoice } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import { type BackendWasm, setWasmPaths, tf, WebGPUBackend } from './tf.ts';
import { bestForms, fusesProducts, setWasmForms } from './wasm/forms.ts';
import { loadWasmKernels, wasmKernels } from './wasm/kernels.ts';
import { mayShareMemory, withSharedMemory } from './wasm/sharedMemory.ts';
import { coresFor, threadsFor } from './wasm/threads.ts';
import { computesOnCpu } from './webgpu/adapter.ts';
import { meterBuffers } from './webgpu/bufferMeter.ts';

type OpenOptions = {
  readonly wasmPaths: WasmPaths;
  /** Threads on wasm, where the page may have more than one; by default what suits the processor. */
  readonly threads?: number;
  /** Called at most once, with the first GPU error or the loss of the device. Results after it are worthless. */
  readonly onLost?: (error: StudioError) => void;
};

/** Limits raised to what the adapter offers. The defaults (128 MiB bindings) are below one VAE activation at 512 px. */
const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** Features requested where the adapter has them; no kernel requires one. */
const wantedFeatures: readonly GPUFeatureName[] = ['timestamp-query', 'shader-f16', 'subgroups'];

let closeCurrent: (() => void) | undefined;

/**
 * Makes `wasm` or `webgpu` the active backend and waits until it works. `auto` takes webgpu when the adapter is a
 * real GPU, else wasm, which beats every software adapter. Calling it again (after a lost device) opens a new device;
 * tensors of the old one are gone.
 *
 * @throws StudioError `webgpu-unavailable` when webgpu is asked for and there is no adapter or device;
 * `wasm-unavailable` when the wasm binary does not start
 */
export async function openBackend(want: BackendChoice, options: OpenOptions): Promise<BackendInfo> {
  if (want === 'wasm') return openWasm('You chose WebAssembly.', options);
  const adapter = await requestAdapter();
  if (want === 'auto') {
    if (adapter === null) return openWasm('This browser offers no WebGPU adapter.', options);
    if (describeAdapter(adapter).software) {
      return openWasm('The only WebGPU adapter computes on the CPU, where WebAssembly is faster.', options);
    }
    return openWebgpu(adapter, 'WebGPU found a GPU.', options);
  }
  if (adapter === null) {
    throw new StudioError('webgpu-unavailable', 'This browser offers no WebGPU adapter.', {
      remedy: 'Use a current Chrome or Edge with hardware acceleration on, or choose WebAssembly.',
    });
  }
  return openWebgpu(adapter, 'You chose WebGPU.', options);
}

/** Closes the webgpu device, if one is open. Its tensors must have been disposed. */
function closeBackend(): void {
  closeCurrent?.();
  closeCurrent = undefined;
}

async function openWasm(reason: string, options: OpenOptions): Promise<BackendInfo> {
  // The threaded build dies after minification and would use one thread on two cores anyway: our kernels have threads of
  // their own.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  setWasmPaths(options.wasmPaths, mayShareMemory());
  const unavailable = (cause?: unknown): StudioError =>
    new StudioError('wasm-unavailable', 'The WebAssembly backend did not start.', {
      remedy: 'Reload the page. If it happens again, the browser is too old or blocks WebAssembly.',
      cause,
    });
  const opened = withSharedMemory(() => tf.setBackend('wasm'));
  const isOpen = await opened.catch((cause: unknown) => {
    throw unavailable(cause);
  });
  if (!isOpen) throw unavailable();
  shareClones();
  // Node, where tests run, has no navigator in every version.
  const { hardwareConcurrency = 1 } = (globalThis.navigator ?? {}) as { hardwareConcurrency?: number };
  const threads = options.threads ?? threadsFor(hardwareConcurrency);
  const backend = tf.backend() as BackendWasm;
  const products = fusesProducts() ? (['separate', 'fused'] as const) : (['separate'] as const);
  await loadWasmKernels(backend, products, threads).catch((cause: unknown) => {
    throw unavailable(cause);
  });
  setWasmForms(bestForms());
  closeBackend();
  const { count } = wasmKernels(backend, 'separate').threads;
  const cores = coresFor(hardwareConcurrency);
  return { name: 'wasm', reason, limits: {}, features: [], threads: count, cores, precision: 'f32' };
}

/**
 * Clones on wasm without a copy. The stock kernel copies every value, and the tape clones whatever a gradient will need:
 * 864 tensors in a training step of the shapes model, a twelfth of its time. This one counts one more reference, as on
 * webgpu.
 */
function shareClones(): void {
  tf.unregisterKernel('Identity', 'wasm');
  tf.registerKernel({
    kernelName: 'Identity',
    backendName: 'wasm',
    kernelFunc: ({ inputs, backend }) => {
      const { dataId, shape, dtype } = inputs.x as tf.TensorInfo;
      (backend as BackendWasm).incRef(dataId);
      return { dataId, shape, dtype };
    },
  });
}

async function openWebgpu(adapter: GPUAdapter, reason: string, options: OpenOptions): Promise<BackendInfo> {
  const features = wantedFeatures.filter((feature) => adapter.features.has(feature));
  const limits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]));
  const device = await adapter
    .requestDevice({ label: 'studio', requiredFeatures: features, requiredLimits: limits })
    .catch((cause: unknown) => {
      throw new StudioError('webgpu-unavailable', 'The GPU refused to open a device.', {
        remedy: 'Close other tabs that use the GPU and reload, or choose WebAssembly.',
        cause,
      });
    });
  meterBuffers(device);
  watchDevice(device, options.onLost);
  closeBackend();
  // tfjs registers a factory of its own when it is imported.
  if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
  // Kernels are registered per backend name, so it has to be exactly this one.
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info), 4);
  if (!(await tf.setBackend('webgpu'))) {
    throw new StudioError('webgpu-unavailable', 'The WebGPU backend did not start.', {
      remedy: 'Reload the page, or choose WebAssembly.',
    });
  }
  closeCurrent = () => {
    tf.removeBackend('webgpu');
    device.destroy();
  };
  return {
    name: 'webgpu',
    reason,
    adapter: describeAdapter(adapter),
    limits: Object.fromEntries(wantedLimits.map((name) => [name, device.limits[name]])),
    features,
    precision: 'f32',
  };
}

/** Reports the first validation error, allocation failure or loss of `device`; tfjs itself reports none. */
function watchDevice(device: GPUDevice, onLost: OpenOptions['onLost']): void {
  let reported = false;
  const report = (code: string, message: string, cause: unknown): void => {
    if (reported) return;
    reported = true;
    onLost?.(
      new StudioError(code, message, {
        remedy:
          code === 'gpu-memory'
            ? 'Everything stored is kept. Close what else uses the GPU, or choose a smaller batch, and resume the run.'
            : 'Everything stored is kept. Try again, or resume the run: it continues on a new device.',
        cause,
      }),
    );
  };
  const outOfMemory = (cause: unknown): void => report('gpu-memory', 'The GPU has no memory left.', cause);
  device.addEventListener('uncapturederror', ({ error }) => {
    if (error instanceof GPUOutOfMemoryError) outOfMemory(error);
    else report('gpu-error', `The GPU rejected an operation: ${error.message}`, error);
  });
  // Where a buffer is to be written to at once, a lack of memory is thrown instead.
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    try {
      return create(descriptor);
    } catch (error) {
      if (error instanceof RangeError) outOfMemory(error);
      throw error;
    }
  };
  void device.lost.then((info) => {
    if (info.reason !== 'destroyed') report('gpu-lost', `The GPU device was lost: ${info.message}`, info);
  });
}

async function requestAdapter(): Promise<GPUAdapter | null> {
  // `navigator.gpu` is missing in browsers without WebGPU, whatever the type says.
  const gpu = navigator.gpu as GPU | undefined;
  return (await gpu?.requestAdapter({ powerPreference: 'high-performance' })) ?? null;
}

function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  const { vendor, architecture, description } = adapter.info;
  return { vendor, architecture, description, software: computesOnCpu(adapter.info) };
}

/**
 * The command encoder of tfjs, which our dispatches and copies share with its own, so that ordering, buffer reuse, deferred
 * submission and `tf.time` keep working. It reaches seven members that tfjs 4.22.0 declares private: the version is pinned,
 * and `assertMembers` fails loudly where they are missing.
 */
import { StudioError } from '../../lib/errors.ts';
import { type TensorInfo, tf, type WebGPUBackend } from '../tf.ts';

/** Workgroups in x, y and z. */
export type Groups = readonly [x: number, y: number, z: number];

/** One dispatch, ready for an encoder. */
export type Encoded = {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly groups: Groups;
  readonly work: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
};

/**
 * Multiply-adds of one dispatch and of one submission, far from the seconds at which systems reset a GPU: 0.2 s on an
 * integrated GPU that does 0.1 T of them per second in these kernels.
 */
export const longestWork = 2e10;

/** What a dispatch does, as far as its time depends on it. */
export type Work = Pick<Encoded, 'label' | 'work' | 'bytesRead' | 'bytesWritten'>;

let watcher: ((dispatch: Work) => void) | null = null;

/** Tells of every dispatch of ours from here on; null for no longer. */
export function watchEncoder(watch: ((dispatch: Work) => void) | null): void {
  watcher = watch;
}

export type LaunchCounters = { dispatches: number; bytesRead: number; bytesWritten: number };

/** Totals since the page was loaded, each bound buffer counted once per dispatch. */
export const launchCounters: LaunchCounters = { dispatches: 0, bytesRead: 0, bytesWritten: 0 };

type HiddenMembers = {
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  readonly commandQueueOwnedIds: WeakSet<object>;
  dispatchCountInPass: number;
  /** Set while `tf.time` or `tf.profile` runs. */
  readonly activeTimers?: { name: string; query: Promise<number> }[] | null;
  readonly supportTimestampQuery: boolean;
  querySet: GPUQuerySet | null;
};

const checked = new WeakSet<WebGPUBackend>();

/** Multiply-adds recorded since we last submitted. */
const recordedWork = new WeakMap<WebGPUBackend, number>();

/** Adds a dispatch to what tfjs submits next. */
export function encode(backend: WebGPUBackend, launch: Encoded): void {
  const hidden = backend as unknown as HiddenMembers;
  const { label, pipeline, bindGroup, groups, work } = launch;
  // What was recorded before does not share a submission with what would exceed the bound.
  if ((recordedWork.get(backend) ?? 0) + work > longestWork) flush(backend);
  backend.ensureCommandEncoderReady();
  const encoder = hidden.commandEncoder as GPUCommandEncoder;
  const timed = hidden.activeTimers != null;
  if (timed && hidden.supportTimestampQuery) {
    backend.endComputePassEncoder();
    hidden.querySet ??= backend.device.createQuerySet({ label: 'timing', type: 'timestamp', count: 2 });
    hidden.computePassEncoder = encoder.beginComputePass({
      label,
      timestampWrites: {
        querySet: hidden.querySet,
        beginningOfPassWriteIndex: 0,
        endOfPassWriteIndex: 1,
      },
    });
  }
  hidden.computePassEncoder ??= encoder.beginComputePass({ label: 'studio' });
  const pass = hidden.computePassEncoder;
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...groups);
  hidden.dispatchCountInPass++;
  watcher?.(launch);
  launchCounters.dispatches += 1;
  launchCounters.bytesRead += launch.bytesRead;
  launchCounters.bytesWritten += launch.bytesWritten;
  if (timed) {
    backend.endComputePassEncoder();
    hidden.activeTimers?.push({ name: label, query: backend.getQueryTime() });
    return;
  }
  const recorded = (recordedWork.get(backend) ?? 0) + work;
  recordedWork.set(backend, recorded);
  const full = hidden.dispatchCountInPass >= tf.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE');
  if (full || recorded >= longestWork) flush(backend);
}

/** The encoder of what tfjs submits next, outside a compute pass; the buffers of `tensors` stay until then. */
export function commandEncoder(backend: WebGPUBackend, tensors: readonly TensorInfo[]): GPUCommandEncoder {
  const hidden = assertMembers(backend);
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  for (const { dataId } of tensors) hidden.commandQueueOwnedIds.add(dataId);
  return hidden.commandEncoder as GPUCommandEncoder;
}

/** Submits what is recorded. */
export function flush(backend: WebGPUBackend): void {
  recordedWork.set(backend, 0);
  if ((backend as unknown as HiddenMembers).commandEncoder === null) return;
  backend.endComputePassEncoder();
  backend.submitQueue();
}

/** @throws StudioError `tfjs-version` when a member is missing */
export function assertMembers(backend: WebGPUBackend): HiddenMembers {
  const hidden = backend as unknown as HiddenMembers;
  if (checked.has(backend)) return hidden;
  const present =
    hidden.commandQueueOwnedIds instanceof WeakSet &&
    typeof hidden.dispatchCountInPass === 'number' &&
    'commandEncoder' in hidden &&
    'computePassEncoder' in hidden &&
    'querySet' in hidden &&
    'supportTimestampQuery' in hidden;
  if (!present) {
    throw new StudioError(
      'tfjs-version',
      'This build contains another version of TensorFlow.js than it needs.',
      {
        remedy: 'Install the pinned dependencies (npm ci) and build again.',
      },
    );
  }
  checked.add(backend);
  return hidden;
}

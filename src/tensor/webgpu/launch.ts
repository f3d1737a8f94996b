/**
 * Records our own WGSL into tfjs' command encoder, so that ordering, buffer reuse, deferred submission and `tf.time`
 * keep working. It reaches eight members that tfjs 4.22.0 declares private: the version is pinned, and `assertMembers`
 * fails loudly where they are missing.
 */
import { StudioError } from '../../lib/errors.ts';
import { sizeOf, type TensorInfo, tf, type WebGPUBackend } from '../tf.ts';
import { assemble, type Shader } from './shader.ts';
import { LIBRARY } from './shaders.ts';

/** A scalar of the uniform struct. */
export type Uniform = { readonly type: 'uint32' | 'float32'; readonly value: number };

export const u32 = (value: number): Uniform => ({ type: 'uint32', value });
export const f32 = (value: number): Uniform => ({ type: 'float32', value });

/** Workgroups in x, y and z. */
export type Groups = readonly [x: number, y: number, z: number];

export type Launch = {
  /** Name of the shader and of its variant; names the pipeline, so different text needs a different label. */
  readonly label: string;
  /** Pieces of the module, the one with entry point `main` first; asked for once per device and label. */
  readonly pieces: () => readonly Shader[];
  /** Bound from 1, in order, as `read_write` storage. */
  readonly outputs: readonly (readonly number[])[];
  /** Bound next, in order, as `read` storage; optional ones last, so that no other binding moves. */
  readonly inputs: readonly TensorInfo[];
  /** Bound at 0: a struct of 4-byte scalars. */
  readonly uniforms: readonly Uniform[];
  readonly groups: Groups;
  /** Further dispatches with other uniforms that fill the rest of the same outputs. */
  readonly more?: readonly Dispatch[];
  /** Multiply-adds of one dispatch, where they are many: no submission has more of them than `longestWork`. */
  readonly work?: number;
};

export type Dispatch = Pick<Launch, 'uniforms' | 'groups'>;

/**
 * Multiply-adds of one dispatch and of one submission, far from the seconds at which systems reset a GPU: 0.2 s on an
 * integrated GPU that does 0.1 T of them per second in these kernels.
 */
export const longestWork = 2e10;

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
  makeUniforms(fields: { type: string; data: number[] }[]): GPUBindingResource;
};

type Pipeline = { readonly pipeline: GPUComputePipeline; readonly layout: GPUBindGroupLayout };

const pipelines = new WeakMap<GPUDevice, Map<string, Pipeline>>();
const checked = new WeakSet<WebGPUBackend>();

/**
 * Runs a compute shader.
 *
 * @returns one f32 tensor per output
 * @throws StudioError `tensor-too-large` when the device cannot bind an output; `dispatch-too-large` when a dimension
 * exceeds what it dispatches
 */
export function launch(backend: WebGPUBackend, spec: Launch): TensorInfo[] {
  const hidden = assertMembers(backend);
  const { device } = backend;
  checkLimits(device, spec);
  const outputs = spec.outputs.map((shape) => backend.makeTensorInfo([...shape], 'float32'));
  const tensors = [...outputs, ...spec.inputs];
  for (const tensor of tensors) backend.uploadToGPU(tensor.dataId);
  const { pipeline, layout } = pipelineFor(device, spec);
  const resources = tensors.map(({ dataId }) => ({
    buffer: backend.tensorMap.get(dataId).resource as GPUBuffer,
  }));
  for (const part of [spec, ...(spec.more ?? [])]) {
    const fields = part.uniforms.map(({ type, value }) => ({ type: type as string, data: [value] }));
    const entries = [hidden.makeUniforms(fields), ...resources].map((resource, binding) => ({
      binding,
      resource,
    }));
    const bindGroup = device.createBindGroup({ label: spec.label, layout, entries });
    // tfjs keeps the buffers of these tensors until the encoder is submitted, even when they are disposed before.
    for (const tensor of tensors) hidden.commandQueueOwnedIds.add(tensor.dataId);
    record(backend, hidden, { ...spec, groups: part.groups }, pipeline, bindGroup);
    count(outputs, spec.inputs);
  }
  return outputs;
}

/** `launch` with a single output. */
export function launchOne(backend: WebGPUBackend, spec: Launch): TensorInfo {
  return launch(backend, spec)[0] as TensorInfo;
}

/** A grid of tiles: `columns` tiles along x. */
export type Grid = { readonly columns: number; readonly rows: number };

/**
 * Dispatches that cover a grid of tiles with at most `longestWork` each. Workgroups run along the columns in x; rows
 * beyond the limit of y continue in z. The shader gets its row of tiles as
 * `params.first_tile + group.y + group.z * groups.y`, and checks that there is such a row.
 *
 * @param uniforms of the dispatch that starts at a row of tiles
 */
export function tileParts(
  backend: WebGPUBackend,
  { columns, rows }: Grid,
  work: number,
  uniforms: (firstTile: number) => readonly Uniform[],
): Dispatch & Pick<Launch, 'more' | 'work'> {
  const count = Math.max(1, Math.min(rows, Math.ceil(work / longestWork)));
  const step = Math.ceil(rows / count);
  const parts = Array.from({ length: Math.ceil(rows / step) }, (_, i): Dispatch => {
    const here = Math.min(step, rows - i * step);
    return { uniforms: uniforms(i * step), groups: [columns, ...foldedGroups(backend, here)] };
  });
  const [first, ...more] = parts as [Dispatch, ...Dispatch[]];
  return { ...first, more, work: work / parts.length };
}

/** Workgroups in y and z for `rows` rows of them; the shader's row is `group.z * groups.y + group.y`, if there is one. */
export function foldedGroups(backend: WebGPUBackend, rows: number): readonly [y: number, z: number] {
  const limit = backend.device.limits.maxComputeWorkgroupsPerDimension;
  const z = Math.ceil(rows / limit);
  return [Math.ceil(rows / z), z];
}

/** Workgroups for `count` independent threads in groups of `size`; the shader uses `flat_index`. */
export function flatGroups(backend: WebGPUBackend, count: number, size = 64): Groups {
  const groups = Math.ceil(count / size);
  const limit = backend.device.limits.maxComputeWorkgroupsPerDimension;
  const y = Math.ceil(groups / limit);
  return [Math.ceil(groups / y), y, 1];
}

function checkLimits(device: GPUDevice, { label, outputs, groups, inputs }: Launch): void {
  const { maxComputeWorkgroupsPerDimension, maxStorageBufferBindingSize, maxBufferSize } = device.limits;
  const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  for (const shape of [...outputs, ...inputs.map((input) => input.shape)]) {
    const bytes = 4 * sizeOf(shape);
    if (bytes <= limit) continue;
    throw new StudioError(
      'tensor-too-large',
      `${label} needs a buffer of ${bytes} bytes; this GPU binds at most ${limit}.`,
      { remedy: 'Choose a smaller batch or resolution.', where: label },
    );
  }
  if (groups.some((size) => size > maxComputeWorkgroupsPerDimension)) {
    throw new StudioError('dispatch-too-large', `${label} would dispatch ${groups.join(' x ')} workgroups.`, {
      remedy: 'Choose a smaller batch or resolution.',
      where: label,
    });
  }
}

function pipelineFor(device: GPUDevice, { label, pieces, outputs, inputs }: Launch): Pipeline {
  let known = pipelines.get(device);
  if (known === undefined) {
    known = new Map();
    pipelines.set(device, known);
  }
  const id = `${label}/${inputs.length}`;
  const found = known.get(id);
  if (found !== undefined) return found;
  const types: GPUBufferBindingType[] = [
    'uniform',
    ...outputs.map(() => 'storage' as const),
    ...inputs.map(() => 'read-only-storage' as const),
  ];
  const layout = device.createBindGroupLayout({
    label,
    entries: types.map((type, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type },
    })),
  });
  const code = assemble(pieces(), LIBRARY);
  const pipeline = device.createComputePipeline({
    label,
    layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ label, code }), entryPoint: 'main' },
  });
  const made = { pipeline, layout };
  known.set(id, made);
  return made;
}

/** Multiply-adds recorded since we last submitted. */
const recordedWork = new WeakMap<WebGPUBackend, number>();

function record(
  backend: WebGPUBackend,
  hidden: HiddenMembers,
  { label, groups, work = 0 }: Launch,
  pipeline: GPUComputePipeline,
  bindGroup: GPUBindGroup,
): void {
  // What was recorded before does not share a submission with what would exceed the bound.
  if ((recordedWork.get(backend) ?? 0) + work > longestWork) submitRecorded(backend, hidden);
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
  if (timed) {
    backend.endComputePassEncoder();
    hidden.activeTimers?.push({ name: label, query: backend.getQueryTime() });
    return;
  }
  const recorded = (recordedWork.get(backend) ?? 0) + work;
  recordedWork.set(backend, recorded);
  const full = hidden.dispatchCountInPass >= tf.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE');
  if (full || recorded >= longestWork) submitRecorded(backend, hidden);
}

function submitRecorded(backend: WebGPUBackend, hidden: HiddenMembers): void {
  recordedWork.set(backend, 0);
  if (hidden.commandEncoder === null) return;
  backend.endComputePassEncoder();
  backend.submitQueue();
}

function count(outputs: readonly TensorInfo[], inputs: readonly TensorInfo[]): void {
  const bytes = (tensors: readonly TensorInfo[]): number =>
    tensors.reduce((sum, tensor) => sum + 4 * sizeOf(tensor.shape), 0);
  launchCounters.dispatches += 1;
  launchCounters.bytesWritten += bytes(outputs);
  launchCounters.bytesRead += bytes(inputs);
}

function assertMembers(backend: WebGPUBackend): HiddenMembers {
  const hidden = backend as unknown as HiddenMembers;
  if (checked.has(backend)) return hidden;
  const present =
    hidden.commandQueueOwnedIds instanceof WeakSet &&
    typeof hidden.dispatchCountInPass === 'number' &&
    typeof hidden.makeUniforms === 'function' &&
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

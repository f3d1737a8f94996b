/**
 * Runs our own WGSL: makes pipelines and outputs, binds tensors and uniforms, and hands dispatches to the encoder that tfjs
 * submits.
 */
import { StudioError } from '../../lib/errors.ts';
import { sizeOf, type TensorInfo, type WebGPUBackend } from '../tf.ts';
import { Bindings, type Uniform } from './bindings.ts';
import { assertMembers, type Encoded, encode, flush, type Groups, longestWork } from './encoder.ts';
import { assemble, type Shader } from './shader.ts';
import { LIBRARY } from './shaders.ts';

export const u32 = (value: number): Uniform => ({ type: 'uint32', value });
export const f32 = (value: number): Uniform => ({ type: 'float32', value });

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

type Pipeline = { readonly pipeline: GPUComputePipeline; readonly layout: GPUBindGroupLayout };

/** What a device keeps of ours. */
type Kept = { readonly pipelines: Map<string, Pipeline>; readonly bindings: Bindings };

const kept = new WeakMap<GPUDevice, Kept>();

/** Where launches are written down, or pipelines that are missing, in place of or beside being encoded. */
let written: Encoded[] | null = null;
let missing: Map<string, Launch> | null = null;

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
  if (missing !== null) {
    const id = pipelineId(spec);
    if (!keptBy(device).pipelines.has(id)) missing.set(id, spec);
    return outputs;
  }
  const tensors = [...outputs, ...spec.inputs];
  for (const tensor of tensors) backend.uploadToGPU(tensor.dataId);
  const { pipeline, layout } = pipelineFor(device, spec);
  const { bindings } = keptBy(device);
  if (bindings.isFull && written === null) {
    flush(backend);
    bindings.makeRoom();
  }
  const buffers = tensors.map(({ dataId }) => backend.tensorMap.get(dataId).resource as GPUBuffer);
  const { label, work = 0 } = spec;
  const [bytesRead, bytesWritten] = [bytesOf(spec.inputs), bytesOf(outputs)];
  for (const { uniforms, groups } of [spec, ...(spec.more ?? [])]) {
    const bindGroup = bindings.group(label, layout, [bindings.uniforms(uniforms), ...buffers]);
    // tfjs keeps the buffers of these tensors until the encoder is submitted, even when they are disposed before.
    for (const tensor of tensors) hidden.commandQueueOwnedIds.add(tensor.dataId);
    const encoded = { label, pipeline, bindGroup, groups, work, bytesRead, bytesWritten };
    written?.push(encoded);
    encode(backend, encoded);
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

/** Frees what a device keeps of ours before it goes; nothing may be recorded and not yet submitted. */
export function forget(device: GPUDevice): void {
  kept.get(device)?.bindings.makeRoom();
  kept.delete(device);
}

function keptBy(device: GPUDevice): Kept {
  const known = kept.get(device);
  if (known !== undefined) return known;
  const made = { pipelines: new Map<string, Pipeline>(), bindings: new Bindings(device) };
  kept.set(device, made);
  return made;
}

function pipelineId({ label, inputs }: Launch): string {
  return `${label}/${inputs.length}`;
}

function pipelineFor(device: GPUDevice, spec: Launch): Pipeline {
  const { pipelines } = keptBy(device);
  const id = pipelineId(spec);
  const found = pipelines.get(id);
  if (found !== undefined) return found;
  const { descriptor, layout } = describePipeline(device, spec);
  const made = { pipeline: device.createComputePipeline(descriptor), layout };
  pipelines.set(id, made);
  return made;
}

function describePipeline(device: GPUDevice, { label, pieces, outputs, inputs }: Launch) {
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
  const descriptor: GPUComputePipelineDescriptor = {
    label,
    layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ label, code }), entryPoint: 'main' },
  };
  return { descriptor, layout };
}

/**
 * Compiles what `work` will launch and nobody has launched before, all at the same time. Of `work` only the sizes count:
 * it runs without computing anything.
 *
 * @returns whether it does nothing but launch our kernels: neither runs kernels of tfjs nor brings values from JavaScript
 */
export async function compileAhead(backend: WebGPUBackend, work: () => void): Promise<boolean> {
  const { device } = backend;
  const found = new Map<string, Launch>();
  const { runWebGPUProgram, shouldExecuteOnCPU, write } = backend;
  let foreign = false;
  backend.runWebGPUProgram = (program, _inputs, dtype, _uniforms, output) => {
    foreign = true;
    return output ?? backend.makeTensorInfo(program.outputShape, dtype);
  };
  backend.shouldExecuteOnCPU = () => false;
  backend.write = (...values) => {
    foreign ||= (values[0] as unknown) != null;
    return write.apply(backend, values);
  };
  missing = found;
  try {
    work();
  } finally {
    missing = null;
    Object.assign(backend, { runWebGPUProgram, shouldExecuteOnCPU, write });
  }
  const compile = async ([id, spec]: [string, Launch]): Promise<void> => {
    const { descriptor, layout } = describePipeline(device, spec);
    const pipeline = await device.createComputePipelineAsync(descriptor);
    const { pipelines } = keptBy(device);
    if (!pipelines.has(id)) pipelines.set(id, { pipeline, layout });
  };
  // What does not compile says so where it is launched.
  await Promise.allSettled([...found].map(compile));
  return !foreign;
}

/** Runs `work` and also writes its launches down. */
export function recordInto<T>(list: Encoded[], work: () => T): T {
  written = list;
  try {
    return work();
  } finally {
    written = null;
  }
}

function bytesOf(tensors: readonly TensorInfo[]): number {
  return tensors.reduce((sum, tensor) => sum + 4 * sizeOf(tensor.shape), 0);
}

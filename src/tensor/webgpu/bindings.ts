/**
 * Uniform buffers by what they hold and bind groups by what they bind, made once per device: a sampler takes the same steps
 * hundreds of times, with the buffers that tfjs' pool gives out in the same order.
 */

/** A scalar of a uniform struct. */
export type Uniform = { readonly type: 'uint32' | 'float32'; readonly value: number };

/** Beyond so many all are made anew: a bind group holds on to its buffers' names, though not to their memory. */
const MOST_UNIFORMS = 4096;
const MOST_GROUPS = 16_384;

/** Uniform buffers and bind groups, each made once and used for every equal launch. */
export class Bindings {
  readonly #device: GPUDevice;
  readonly #uniforms = new Map<string, GPUBuffer>();
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #numbers = new WeakMap<object, number>();
  #count = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer that holds these scalars and is never written again. */
  uniforms(fields: readonly Uniform[]): GPUBuffer {
    const key = fields.map(({ type, value }) => (type === 'float32' ? `${value}f` : value)).join();
    const known = this.#uniforms.get(key);
    if (known !== undefined) return known;
    const size = 16 * Math.ceil(fields.length / 4);
    const buffer = this.#device.createBuffer({
      label: 'uniforms',
      size,
      usage: GPUBufferUsage.UNIFORM,
      mappedAtCreation: true,
    });
    const view = new DataView(buffer.getMappedRange());
    for (const [i, { type, value }] of fields.entries()) {
      if (type === 'float32') view.setFloat32(4 * i, value, true);
      else view.setUint32(4 * i, value, true);
    }
    buffer.unmap();
    this.#uniforms.set(key, buffer);
    return buffer;
  }

  /** Binds buffers from 0 on. */
  group(label: string, layout: GPUBindGroupLayout, buffers: readonly GPUBuffer[]): GPUBindGroup {
    const key = [layout, ...buffers].map((object) => this.#numberOf(object)).join();
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    if (this.#groups.size >= MOST_GROUPS) this.#groups.clear();
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = this.#device.createBindGroup({ label, layout, entries });
    this.#groups.set(key, group);
    return group;
  }

  /** True when `makeRoom` is due. */
  get isFull(): boolean {
    return this.#uniforms.size >= MOST_UNIFORMS;
  }

  /** Frees all of it; nothing that binds it may be recorded and not yet submitted. */
  makeRoom(): void {
    for (const buffer of this.#uniforms.values()) buffer.destroy();
    this.#uniforms.clear();
    this.#groups.clear();
  }

  #numberOf(object: object): number {
    const known = this.#numbers.get(object);
    if (known !== undefined) return known;
    this.#count++;
    this.#numbers.set(object, this.#count);
    return this.#count;
  }
}

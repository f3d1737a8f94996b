/** What the tensor layer runs on, as plain data, so that code without a GPU may know of it. */

export const BACKENDS = ['wasm', 'webgpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** What runs the tensors and why, as plain data for the page, reports and checkpoints. */
export type BackendInfo = {
  readonly name: BackendName;
  /** One sentence for the user: why this backend and not the other. */
  readonly reason: string;
  /** Present on webgpu. */
  readonly adapter?: AdapterDescription;
  /** The device limits our kernels depend on; empty on wasm. */
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
  /** Threads that our kernels run in on wasm. */
  readonly threads?: number;
  /** Cores that are worth computing on, on wasm: where there are several, as many workers draw side by side. */
  readonly cores?: number;
  /** Arithmetic precision; storage of frozen weights may be narrower. */
  readonly precision: 'f32';
};

export type AdapterDescription = {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** True for adapters that compute on the CPU (SwiftShader, llvmpipe, WARP). */
  readonly software: boolean;
};

/** URLs of the three wasm binaries of tfjs, by their published file names. */
export type WasmPaths = {
  readonly 'tfjs-backend-wasm.wasm': string;
  readonly 'tfjs-backend-wasm-simd.wasm': string;
  readonly 'tfjs-backend-wasm-threaded-simd.wasm': string;
};

/** Precision a frozen weight is kept at. Arithmetic is f32 in both cases. */
export type WeightFormat = 'f32' | 'f16';

/** Models up to this size are copied for workers on other cores. */
const MOST_COPIED_BYTES = 256 * 2 ** 20;

/** Workers that draw side by side, the engine's among them. */
export function drawingCores(
  { name, cores = 1 }: Pick<BackendInfo, 'name' | 'cores'>,
  modelBytes: number,
): number {
  return name === 'wasm' && modelBytes <= MOST_COPIED_BYTES ? cores : 1;
}

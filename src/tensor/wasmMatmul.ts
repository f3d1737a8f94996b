/**
 * Batched matmul on wasm as a loop of 2-D products. tfjs has a fast product (XNNPACK) for one un-transposed pair only;
 * here each pair is a view into the batch, so nothing is copied.
 */
import type { BackendWasm, TensorInfo } from './tf.ts';
import { dropView, viewOf } from './wasmViews.ts';

type Product = (
  aId: number,
  aShape: Uint8Array,
  aRank: number,
  bId: number,
  bShape: Uint8Array,
  bRank: number,
  ...rest: number[]
) => void;

/** Part of the wasm module that its types leave out. */
type Module = { cwrap(name: string, result: null, parameters: readonly string[]): Product };

const products = new WeakMap<BackendWasm, Product>();

/** `a` [G,M,K] times `b` [G,K,N]: [G,M,N]. */
export function wasmBatchMatMul(backend: BackendWasm, a: TensorInfo, b: TensorInfo): TensorInfo {
  const [count, rows, inner] = a.shape as [number, number, number];
  const columns = b.shape[2] as number;
  const product = productOf(backend);
  const c = backend.makeOutput([count, rows, columns], 'float32');
  const [aShape, bShape] = [shapeBytes([1, rows, inner]), shapeBytes([1, inner, columns])];
  for (let i = 0; i < count; i++) {
    const views = [
      viewOf(backend, a, i * rows * inner, [rows, inner]),
      viewOf(backend, b, i * inner * columns, [inner, columns]),
      viewOf(backend, c, i * rows * columns, [rows, columns]),
    ] as const;
    const [aId, bId, cId] = views.map((view) => backend.dataIdMap.get(view.dataId).id) as [
      number,
      number,
      number,
    ];
    // transposeA, transposeB, activation, bias, prelu weights, leaky slope: none.
    product(aId, aShape, 3, bId, bShape, 3, 0, 0, 0, 0, 0, 0, cId);
    for (const view of views) dropView(backend, view);
  }
  return c;
}

function productOf(backend: BackendWasm): Product {
  const known = products.get(backend);
  if (known !== undefined) return known;
  const number = 'number';
  const operand = [number, 'array', number];
  const made = (backend.wasm as unknown as Module).cwrap('_FusedMatMul', null, [
    ...operand,
    ...operand,
    ...Array.from({ length: 7 }, () => number),
  ]);
  products.set(backend, made);
  return made;
}

function shapeBytes(shape: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(shape).buffer);
}

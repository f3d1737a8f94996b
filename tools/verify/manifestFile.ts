// A checkpoint of which only names and shapes are known: reads are counted, and give nothing.

import type { TensorFile } from '../../src/formats/tensorFile.ts';

export function manifestFile(
  name: string,
  shapes: Readonly<Record<string, readonly number[]>>,
): { file: TensorFile; reads: Map<string, number> } {
  const reads = new Map(Object.keys(shapes).map((tensor) => [tensor, 0]));
  const count = (tensor: string): void => {
    reads.set(tensor, (reads.get(tensor) ?? 0) + 1);
  };
  const entries = new Map(
    Object.entries(shapes).map(([tensor, shape]) => {
      const values = shape.reduce((product, size) => product * size, 1);
      return [tensor, { shape, sizeBytes: 4 * values }] as const;
    }),
  );
  const file = {
    name,
    entries,
    readF32: async (tensor: string) => {
      count(tensor);
      return new Float32Array(0);
    },
    readHalfBits: async (tensor: string) => {
      count(tensor);
      return new Uint16Array(0);
    },
  };
  return { file, reads };
}

// Files of the full-size model are read with little of them in memory, also where float32 becomes halves.

import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { openSafetensors } from '../../../src/formats/safetensors.ts';
import type { ByteSource } from '../../../src/lib/bytes.ts';
import { checkpointReader } from '../../../src/models/checkpointReader.ts';
import type { ParameterSpec } from '../../../src/models/parameters.ts';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

/** A float32 file of zeros with the tensors of a manifest, which exists only where it is read. */
function zeros(tensors: Readonly<Record<string, readonly number[]>>, onRead: (bytes: number) => void) {
  let end = 0;
  const header: Record<string, object> = {};
  for (const [name, shape] of Object.entries(tensors)) {
    const start = end;
    end += 4 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(8 + json.length);
  new DataView(head.buffer).setBigUint64(0, BigInt(json.length), true);
  head.set(json, 8);
  return {
    name: 'zeros',
    sizeBytes: head.length + end,
    read: async (offset, length) => {
      if (offset < head.length) return head.subarray(offset, offset + length);
      onRead(length);
      return new Uint8Array(length);
    },
  } satisfies ByteSource;
}

it.each(['text_encoder', 'unet'])('the largest tensors of the %s in float32', async (part) => {
  const manifest = JSON.parse(readFileSync(`tests/golden/manifests/${part}.json`, 'utf8')) as {
    readonly tensors: Readonly<Record<string, readonly number[]>>;
  };
  const kindOf = (name: string, shape: readonly number[]): ParameterSpec['kind'] => {
    if (shape.length === 1) return 'vector';
    if (shape.length === 4) return 'conv';
    return name.includes('embeddings') ? 'table' : 'linear';
  };
  const specs = Object.entries(manifest.tensors).map(
    ([name, shape]): ParameterSpec => ({ name, shape, kind: kindOf(name, shape) }),
  );
  collect();
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  let longest = 0;
  const look = (bytes = 0): void => {
    collect();
    peak = Math.max(peak, process.memoryUsage().arrayBuffers - before + bytes);
    longest = Math.max(longest, bytes);
  };
  const reader = checkpointReader(await openSafetensors(zeros(manifest.tensors, look)), specs, part);
  const sizeOf = ({ shape }: ParameterSpec): number => shape.reduce((a, b) => a * b, 1);
  const largest = specs.toSorted((a, b) => sizeOf(b) - sizeOf(a)).slice(0, 2);
  const kept: object[] = [];
  for (const spec of largest) {
    const table = spec.kind === 'table';
    const values = await (table ? reader.table(spec, 'f16') : reader.matrix(spec, 'f16'));
    expect(values).toHaveLength(sizeOf(spec));
    look();
    // Tables stay while their network works.
    if (table) kept.push(values);
  }
  expect(longest).toBeLessThanOrEqual(16 * 2 ** 20);
  // Beside what is seen between reads there is, for a moment, the tensor in its other layout.
  const other = 2 * Math.max(...largest.map((spec) => (spec.kind === 'table' ? 0 : sizeOf(spec))));
  expect(peak + other).toBeLessThan(300e6);
  expect(kept.length).toBeLessThan(2);
});

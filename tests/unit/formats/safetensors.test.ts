import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSafetensors, writeSafetensors } from '../../../src/formats/safetensors.ts';
import type { WritableTensor } from '../../../src/formats/safetensorsLayout.ts';
import { type ByteSource, bytesSource } from '../../../src/lib/bytes.ts';
import { StudioError } from '../../../src/lib/errors.ts';
import { floatsToHalves } from '../../../src/lib/half.ts';

const open = (bytes: Uint8Array) => openSafetensors(bytesSource(bytes, 'test.safetensors'));

/** A file with any header text and any data, however wrong. */
function file(header: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

// The tensors of tests/golden/reference.safetensors, see its README.
const REFERENCE: WritableTensor[] = [
  { name: 'z.weight', dtype: 'F32', shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) },
  { name: 'a.half', dtype: 'F16', shape: [3], data: floatsToHalves(Float32Array.of(1, -2, 0.5)) },
  { name: 'b.ids', dtype: 'I32', shape: [1, 2], data: Int32Array.of(1, -2) },
  { name: 'scalar', dtype: 'F32', shape: [], data: Float32Array.of(4) },
  { name: 'empty', dtype: 'F32', shape: [0, 3], data: new Float32Array(0) },
  { name: 'a.weight', dtype: 'F32', shape: [1], data: Float32Array.of(1.5) },
  { name: 'naïve "q"\n\x01', dtype: 'I32', shape: [1], data: Int32Array.of(7) },
];
const referenceBytes = new Uint8Array(readFileSync('tests/golden/reference.safetensors'));

describe('writing', () => {
  it('gives the bytes of the reference library', () => {
    expect(writeSafetensors(REFERENCE, { format: 'pt' })).toEqual(referenceBytes);
  });

  it('gives the empty files that the library tests for', () => {
    // safetensors/src/tensor.rs, test_empty
    expect(new TextDecoder().decode(writeSafetensors([]).subarray(8))).toBe('{}      ');
    expect(new TextDecoder().decode(writeSafetensors([], { framework: 'pt' }).subarray(8))).toBe(
      '{"__metadata__":{"framework":"pt"}}     ',
    );
  });

  it('writes views of larger buffers correctly', async () => {
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    const written = writeSafetensors([{ name: 'w', dtype: 'F32', shape: [2], data }]);
    expect(await (await open(written)).readF32('w')).toEqual(Float32Array.of(1, 2));
  });

  it.each([
    ['duplicate name', [REFERENCE[5], REFERENCE[5]]],
    ['reserved name', [{ ...REFERENCE[5], name: '__metadata__' }]],
    ['wrong shape', [{ ...REFERENCE[5], shape: [2] }]],
  ] as [string, WritableTensor[]][])('refuses a %s', (_, tensors) => {
    expect(() => writeSafetensors(tensors)).toThrow(expect.objectContaining({ code: 'safetensors-write' }));
  });
});

describe('reading', () => {
  it('reads what the reference library wrote', async () => {
    const opened = await open(referenceBytes);
    expect(opened.metadata).toEqual({ format: 'pt' });
    expect(opened.entries.get('z.weight')).toMatchObject({ dtype: 'F32', shape: [2, 3], sizeBytes: 24 });
    expect(await opened.readF32('z.weight')).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5));
    expect(await opened.readF32('a.half')).toEqual(Float32Array.of(1, -2, 0.5));
    expect(await opened.readHalfBits('a.half')).toEqual(Uint16Array.of(0x3c00, 0xc000, 0x3800));
    expect(await opened.readHalfBits('a.weight')).toEqual(Uint16Array.of(0x3e00));
    expect(await opened.readF32('b.ids')).toEqual(Float32Array.of(1, -2));
    expect(await opened.readF32('empty')).toHaveLength(0);
    expect(await opened.readRaw('naïve "q"\n\x01')).toEqual(Uint8Array.of(7, 0, 0, 0));
    await expect(opened.readF32('b.weight')).rejects.toMatchObject({
      code: 'tensor-missing',
      where: 'b.weight',
    });
  });

  it.each([
    ['F64', new Float64Array([1.5, -2])],
    ['I64', new BigInt64Array([3n, -4n])],
    ['BF16', new Uint16Array([0x3fc0, 0xc000])],
    ['I16', new Int16Array([5, -6])],
    ['I8', new Int8Array([5, -6])],
    ['U8', new Uint8Array([7, 255])],
    ['BOOL', new Uint8Array([0, 1])],
  ])('reads %s at any alignment', async (dtype, values) => {
    const data = new Uint8Array(values.buffer);
    const header = `{"x":{"dtype":"${dtype}","shape":[2],"data_offsets":[0,${data.length}]}}`;
    const expected = dtype === 'BF16' ? [1.5, -2] : Array.from<number | bigint, number>(values, Number);
    for (const padding of ['', ' ']) {
      expect([...(await (await open(file(header + padding, data))).readF32('x'))]).toEqual(expected);
    }
  });

  it('opens a file of 20 GB by its header alone', async () => {
    const sizeBytes = 20 * 2 ** 30;
    const header = `{"big":{"dtype":"U8","shape":[20,1073741824],"data_offsets":[0,${sizeBytes}]}}`;
    const head = file(header);
    const reads: number[] = [];
    const source: ByteSource = {
      name: 'big',
      sizeBytes: head.length + sizeBytes,
      read: async (offset, length) => {
        reads.push(length);
        return head.subarray(offset, offset + length);
      },
    };
    expect((await openSafetensors(source)).entries.get('big')?.sizeBytes).toBe(sizeBytes);
    expect(reads).toEqual([8, header.length]);
  });

  const tensor = (offsets: string, shape = '[1]', dtype = 'U8') =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
  it.each([
    ['no bytes at all', new Uint8Array(0), 'fewer than'],
    [
      'a text file',
      new TextEncoder().encode('version https://git-lfs.github.com/spec/v1'),
      'header would be',
    ],
    ['a header longer than the file', file('{}').subarray(0, 9), 'header would be'],
    ['a header of 2^63 bytes', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80), 'header would be'],
    ['invalid JSON', file('{"a":'), 'not JSON'],
    ['invalid UTF-8', file('{"a":1}').map((byte) => (byte === 0x61 ? 0xff : byte)), 'not JSON'],
    ['deep nesting', file('['.repeat(200_000)), 'not JSON'],
    ['an array', file('[]'), 'not a table'],
    ['null', file('null'), 'not a table'],
    ['a repeated name', file(`{"a":${tensor('[0,1]')},"a":${tensor('[0,1]')}}`, Uint8Array.of(1)), 'twice'],
    ['an unknown type', file(`{"a":${tensor('[0,1]', '[1]', 'F7')}}`, Uint8Array.of(1)), 'dtype of a'],
    ['a fractional size', file(`{"a":${tensor('[0,1]', '[0.5,2]')}}`, Uint8Array.of(1)), 'shape.0 of a'],
    ['a negative size', file(`{"a":${tensor('[0,1]', '[-1,-1]')}}`, Uint8Array.of(1)), 'shape.0 of a'],
    ['an infinite size', file(`{"a":${tensor('[0,1]', '[1e999]')}}`, Uint8Array.of(1)), 'shape.0 of a'],
    [
      'an overflowing shape',
      file(`{"a":${tensor('[0,1]', '[4294967296,4294967296]')}}`),
      'not the size of U8',
    ],
    ['reversed offsets', file(`{"a":${tensor('[1,0]')}}`, Uint8Array.of(1)), 'not the size of U8'],
    ['data beyond the end', file(`{"a":${tensor('[0,9]', '[9]')}}`, Uint8Array.of(1)), 'end at byte'],
    ['a hole', file(`{"a":${tensor('[1,2]')}}`, Uint8Array.of(1, 2)), 'starts at byte'],
    ['an overlap', file(`{"a":${tensor('[0,1]')},"b":${tensor('[0,1]')}}`, Uint8Array.of(1)), 'b starts at'],
    ['trailing bytes', file('{}', Uint8Array.of(1)), 'end at byte'],
    ['metadata that are not text', file('{"__metadata__":{"a":1}}'), '__metadata__'],
  ])('refuses %s', async (_, bytes, problem) => {
    await expect(open(bytes)).rejects.toMatchObject({
      code: 'safetensors-invalid',
      message: expect.stringContaining(problem),
    });
  });
});

describe('fuzz', () => {
  const tensors = fc.uniqueArray(
    fc.record({ name: fc.string(), shape: fc.array(fc.nat(3), { maxLength: 3 }), kind: fc.nat(2) }),
    { selector: ({ name }) => name, maxLength: 6 },
  );
  const toTensor = ({
    name,
    shape,
    kind,
  }: {
    name: string;
    shape: number[];
    kind: number;
  }): WritableTensor => {
    const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i - 3);
    if (kind === 0) return { name, shape, dtype: 'F32', data: Float32Array.from(values) };
    if (kind === 1) return { name, shape, dtype: 'I32', data: Int32Array.from(values) };
    return { name, shape, dtype: 'F16', data: floatsToHalves(Float32Array.from(values)) };
  };
  const written = tensors.map((specs) => writeSafetensors(specs.map(toTensor)));

  it('returns what was written, whatever names and shapes', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, fc.dictionary(fc.string(), fc.string()), async (specs, metadata) => {
        const opened = await open(writeSafetensors(specs.map(toTensor), metadata));
        expect(opened.metadata).toEqual({ ...metadata });
        expect(opened.entries.size).toBe(specs.length);
        for (const { name, shape } of specs) {
          expect(opened.entries.get(name)?.shape).toEqual(shape);
          const values = await opened.readF32(name);
          expect([...values]).toEqual(Array.from(values, (_, i) => i - 3));
        }
      }),
    );
  });

  it('lets nothing but a StudioError escape from damaged files', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(written, damage, fc.nat(40), async (bytes, changes, cut) => {
        const damaged = bytes.slice(0, bytes.length - (cut > 20 ? cut - 20 : 0));
        for (const [at, value] of changes) damaged[at % damaged.length] = value;
        await readAll(damaged);
      }),
      { numRuns: 2000 },
    );
  });

  it('lets nothing but a StudioError escape from arbitrary headers', async () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom('F32', 'I64', [1], [0, 4], [-1], 1e300));
    const entry = fc.record({ dtype: field, shape: field, data_offsets: field }, { requiredKeys: [] });
    const header = fc.oneof(
      fc.json(),
      fc.string(),
      fc.dictionary(fc.string(), entry).map((x) => JSON.stringify(x)),
    );
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array(), async (text, data) => readAll(file(text, data))),
      { numRuns: 1000 },
    );
  });

  async function readAll(bytes: Uint8Array): Promise<void> {
    try {
      const opened = await open(bytes);
      for (const name of opened.entries.keys()) await opened.readF32(name);
    } catch (error) {
      expect(error).toBeInstanceOf(StudioError);
    }
  }
});

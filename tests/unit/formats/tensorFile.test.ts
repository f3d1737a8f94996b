import { expect, test } from 'vitest';
import { openSafetensors, writeSafetensors } from '../../../src/formats/safetensors.ts';
import { type Arrangement, arrangeTensors, type TensorFile } from '../../../src/formats/tensorFile.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';

function fileOf(
  tensors: Record<string, { shape: number[]; values: number[] }>,
  name = 'f',
): Promise<TensorFile> {
  const bytes = writeSafetensors(
    Object.entries(tensors).map(([tensor, { shape, values }]) => ({
      name: tensor,
      dtype: 'F32' as const,
      shape,
      data: Float32Array.from(values),
    })),
  );
  return openSafetensors(bytesSource(bytes, name));
}

const fused = { qkv: { shape: [6, 2], values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] } };
const split: Arrangement = (name) =>
  name === 'qkv' ? ['q', 'k', 'v'].map((letter, i) => ({ name: letter, part: [i, 3] as const })) : [{ name }];

test('parts rows of a fused tensor, in any order, and reads it once when in order', async () => {
  let reads = 0;
  const file = await fileOf(fused);
  const counted: TensorFile = {
    ...file,
    readF32: (name) => {
      reads++;
      return file.readF32(name);
    },
  };
  const arranged = arrangeTensors(counted, split);
  expect([...arranged.entries]).toEqual([
    ['q', { shape: [2, 2], sizeBytes: 16 }],
    ['k', { shape: [2, 2], sizeBytes: 16 }],
    ['v', { shape: [2, 2], sizeBytes: 16 }],
  ]);
  expect([...(await arranged.readF32('q'))]).toEqual([0, 1, 2, 3]);
  expect([...(await arranged.readF32('k'))]).toEqual([4, 5, 6, 7]);
  expect([...(await arranged.readF32('v'))]).toEqual([8, 9, 10, 11]);
  expect(reads).toBe(1);
  expect([...(await arranged.readF32('k'))]).toEqual([4, 5, 6, 7]);
  expect([...(await arranged.readHalfBits('q'))]).toEqual([0, 0x3c00, 0x4000, 0x4200]);
});

test('turns [in, out] into [out, in]', async () => {
  const file = await fileOf({ proj: { shape: [2, 3], values: [1, 2, 3, 4, 5, 6] } });
  const arranged = arrangeTensors(file, () => [{ name: 'p', transposed: true }]);
  expect(arranged.entries.get('p')?.shape).toEqual([3, 2]);
  expect([...(await arranged.readF32('p'))]).toEqual([1, 4, 2, 5, 3, 6]);
});

test('refuses two tensors for one name, rows that do not part, and vectors to turn', async () => {
  const file = await fileOf({ a: { shape: [4], values: [1, 2, 3, 4] }, b: { shape: [1], values: [1] } });
  expect(() => arrangeTensors(file, () => [{ name: 'same' }])).toThrow(/are one parameter/);
  expect(() => arrangeTensors(file, (name) => [{ name, part: [0, 3] }])).toThrow(/cannot be split/);
  expect(() => arrangeTensors(file, (name) => [{ name, transposed: true }])).toThrow(/no matrix/);
});

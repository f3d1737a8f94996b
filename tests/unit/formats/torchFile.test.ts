// State dicts of PyTorch: what they hold, and what they may not do.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unpickle } from '../../../src/formats/pickle.ts';
import { isModule, moduleTensors } from '../../../src/formats/pickledTensors.ts';
import { openTorchFile } from '../../../src/formats/torchFile.ts';
import { openZip } from '../../../src/formats/zip.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import { StudioError } from '../../../src/lib/errors.ts';
import '../../helpers/toBeAllClose.ts';

const golden = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '../../golden/torch', name)));
const open = (bytes: Uint8Array) => openTorchFile(bytesSource(bytes, 'file.pt'));

describe('reads', () => {
  test('every type, transposed tensors, views, scalars and parameters', async () => {
    const file = await open(golden('plain.pt'));
    const values = async (name: string) => [...(await file.readF32(name))];
    expect(file.entries.get('a.weight')).toEqual({ shape: [2, 3], sizeBytes: 24 });
    expect(await values('a.weight')).toEqual([0, 1, 2, 3, 4, 5]);
    expect(file.entries.get('turned')?.shape).toEqual([3, 2]);
    expect(await values('turned')).toEqual([0, 3, 1, 4, 2, 5]);
    expect(await values('half')).toEqual([1.5, -2]);
    expect([...(await file.readHalfBits('half'))]).toEqual([0x3e00, 0xc000]);
    expect(await values('bf')).toEqual([1.5, -2]);
    expect(await values('long')).toEqual([3, -4]);
    expect(await values('view')).toEqual([2, 3, 4]);
    expect(file.entries.get('scale')).toEqual({ shape: [], sizeBytes: 4 });
    expect(await values('scale')).toEqual([2.5]);
    expect([...(await file.readHalfBits('param'))]).toEqual([0x3c00, 0x3c00, 0x3c00, 0x3c00]);
  });

  test('the state dict inside a checkpoint of training, without the prefix of distributed training', async () => {
    const file = await open(golden('train.pt'));
    expect([...file.entries.keys()]).toEqual(['weight', 'bias']);
    // print(m.state_dict()) of the recipe
    expect(await file.readF32('bias')).toBeAllClose([-0.0114, 0.4578], { atol: 5e-5 });
  });
});

describe('a TorchScript archive', () => {
  test('gives its tensors under the names of its state dict, and nothing of its programs', async () => {
    const file = await open(golden('script.pt'));
    const block = ['attn.in_proj_weight', 'attn.in_proj_bias', 'attn.out_proj.weight', 'attn.out_proj.bias'];
    const inBlock = [...block, 'ln_1.weight', 'ln_1.bias'];
    expect([...file.entries.keys()].sort()).toEqual(
      [
        'text_projection',
        'input_resolution',
        ...[0, 1].flatMap((i) => inBlock.map((name) => `resblocks.${i}.${name}`)),
      ].sort(),
    );
    // print(state_dict()) of the recipe
    expect(file.entries.get('text_projection')?.shape).toEqual([3, 4]);
    expect((await file.readF32('text_projection')).slice(0, 2)).toBeAllClose([1.100325, -0.994985], {
      atol: 1e-6,
    });
    expect([...(await file.readF32('input_resolution'))]).toEqual([224]);
    const half = await file.readF32('resblocks.1.attn.in_proj_weight');
    expect([...half.slice(0, 2)]).toEqual([0.08184814453125, -0.2376708984375]);
    expect(file.entries.get('resblocks.1.attn.in_proj_weight')).toEqual({ shape: [12, 4], sizeBytes: 96 });
  });

  const script = (body: string): Uint8Array =>
    new TextEncoder().encode(`c__torch__.model\nCLIP\n)\x81${body}.`);
  test.each([
    ['a module in itself', script('q\0}(X\x01\0\0\0ah\0ub'), null],
    [
      'an object of a plain name',
      new TextEncoder().encode('ctorch\nFloatStorage\n)\x81.'),
      /no TorchScript class/,
    ],
    ['attributes that are no dict', script(']b'), /something else than a dict/],
    [
      'a class whose name is none',
      new TextEncoder().encode('c__torch__.a-b\nC\n.'),
      /which no state dict needs/,
    ],
    ['a call of its class', new TextEncoder().encode('c__torch__.model\nCLIP\n)R.'), /it calls __torch__/],
  ])('%s', (_, bytes, message) => {
    const latin = Uint8Array.from(new TextDecoder().decode(bytes), (c) => c.charCodeAt(0));
    if (message !== null) return expect(() => unpickle(latin, 'p')).toThrow(message);
    const value = unpickle(latin, 'p');
    expect(isModule(value) && (() => moduleTensors(value))).toThrow(/too many modules/);
  });
});

describe('refuses', () => {
  test.each([
    ['evil.pt', /names "posix\.system"/],
    ['module.pt', /names "torch\.nn\.modules\.linear\.Linear"/],
  ])('%s', async (name, message) => {
    await expect(open(golden(name))).rejects.toThrow(message);
  });

  test('an archive without a pickle, and a file that is no archive', async () => {
    await expect(open(golden('plain.pt').slice(0, 100))).rejects.toBeInstanceOf(StudioError);
    await expect(open(new TextEncoder().encode('PK no zip'))).rejects.toBeInstanceOf(StudioError);
  });

  const op = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
  test.each([
    ['an unknown opcode', op(0x80, 2, 0x69, 0x2e), /opcode 0x69/],
    ['an end before the end', op(0x80, 2, 0x58, 0xff, 0xff, 0xff, 0x7f), /ends too early/],
    ['an empty stack', op(0x2e), /stack is empty/],
    ['a stack that is not', op(0x4e, 0x4e, 0x2e), /something is left/],
    ['a mark that is missing', op(0x7d, 0x75, 0x2e), /no mark/],
    ['memory of nothing', op(0x68, 9, 0x2e), /never kept/],
    ['a call of a text', op(0x58, 1, 0, 0, 0, 0x61, 0x29, 0x52, 0x2e), /no function/],
    [
      'a tensor of nothing',
      new TextEncoder().encode('ctorch._utils\n_rebuild_tensor_v2\n)R.'),
      /as PyTorch does/,
    ],
    ['Python', new TextEncoder().encode('cbuiltins\neval\n)R.'), /names "builtins\.eval"/],
  ])('%s', (_, bytes, message) => {
    expect(() => unpickle(bytes, 'p')).toThrow(message);
  });
});

describe('damage', () => {
  const harmless = (work: () => unknown): void => {
    try {
      work();
    } catch (error) {
      expect(error).toBeInstanceOf(StudioError);
    }
  };

  test.each(['plain.pt', 'script.pt'])(
    'of the pickle of %s is told or changes data, no more',
    async (file) => {
      const zip = await openZip(bytesSource(golden(file), 'p'), { maxEntries: 100, maxEntryBytes: 1e6 });
      const name = [...zip.entries.keys()].find((entry) => entry.endsWith('data.pkl')) as string;
      const pickle = await zip.read(name);
      const change = fc.tuple(fc.nat(pickle.length - 1), fc.integer({ min: 0, max: 255 }));
      fc.assert(
        fc.property(
          fc.array(change, { minLength: 1, maxLength: 4 }),
          fc.nat(pickle.length),
          (changes, length) => {
            const damaged = pickle.slice();
            for (const [at, byte] of changes) damaged[at] = byte;
            harmless(() => unpickle(damaged, 'p'));
            harmless(() => unpickle(damaged.subarray(0, length), 'p'));
          },
        ),
        { seed: 12, numRuns: 1500 },
      );
    },
  );

  test('of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => harmless(() => unpickle(bytes, 'p'))),
      { seed: 13, numRuns: 1500 },
    );
  });

  test.each(['plain.pt', 'script.pt'])('of %s is a StudioError, or shows in a checksum', async (name) => {
    const whole = golden(name);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = whole.slice();
        damaged[at] = (damaged[at] as number) ^ flip;
        try {
          const file = await open(damaged);
          for (const tensor of file.entries.keys()) await file.readF32(tensor);
        } catch (error) {
          expect(error).toBeInstanceOf(StudioError);
        }
      }),
      { seed: 14, numRuns: 300 },
    );
  });
});

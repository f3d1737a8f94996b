import { deflateRawSync } from 'node:zlib';
import { makeZip } from 'client-zip';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openZip, unzipAll } from '../../../src/formats/zip.ts';
import { type ByteSource, bytesSource } from '../../../src/lib/bytes.ts';
import { crc32 } from '../../../src/lib/crc32.ts';
import { StudioError } from '../../../src/lib/errors.ts';

const LIMITS = { maxEntries: 100, maxEntryBytes: 100_000, maxTotalBytes: 1_000_000 };
const encode = (text: string) => new TextEncoder().encode(text);
const source = (bytes: Uint8Array) => bytesSource(bytes, 'a.zip');

type Part = {
  name: string;
  data: Uint8Array;
  deflated?: boolean;
  size?: number;
  crc?: number;
  local?: string;
};

/** An archive by the book, with whatever is to be wrong about it. */
function archive(parts: readonly Part[], { zip64 = false, comment = '' } = {}): Uint8Array {
  const out: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, data, deflated = false, size = data.length, crc = crc32(data), local = name } of parts) {
    const packed = Buffer.from(deflated ? deflateRawSync(data) : data);
    const localName = Buffer.from(local);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(deflated ? 8 : 0, 8);
    head.writeUInt16LE(localName.length, 26);
    const nameBytes = Buffer.from(name);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(deflated ? 8 : 0, 10);
    entry.writeUInt32LE(crc, 16);
    entry.writeUInt16LE(nameBytes.length, 28);
    const extra = Buffer.alloc(zip64 ? 28 : 0);
    if (zip64) {
      for (const place of [20, 24, 42]) entry.writeUInt32LE(0xffffffff, place);
      entry.writeUInt16LE(28, 30);
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(24, 2);
      extra.writeBigUInt64LE(BigInt(size), 4);
      extra.writeBigUInt64LE(BigInt(packed.length), 12);
      extra.writeBigUInt64LE(BigInt(offset), 20);
    } else {
      entry.writeUInt32LE(packed.length, 20);
      entry.writeUInt32LE(size, 24);
      entry.writeUInt32LE(offset, 42);
    }
    central.push(entry, nameBytes, extra);
    out.push(head, localName, packed);
    offset += 30 + localName.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(zip64 ? 0xffff : parts.length, 10);
  end.writeUInt32LE(zip64 ? 0xffffffff : directory.length, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : offset, 16);
  end.writeUInt16LE(comment.length, 20);
  const end64 = Buffer.alloc(zip64 ? 76 : 0);
  if (zip64) {
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(BigInt(parts.length), 32);
    end64.writeBigUInt64LE(BigInt(directory.length), 40);
    end64.writeBigUInt64LE(BigInt(offset), 48);
    end64.writeUInt32LE(0x07064b50, 56);
    end64.writeBigUInt64LE(BigInt(offset + directory.length), 64);
  }
  return new Uint8Array(Buffer.concat([...out, directory, end64, end, Buffer.from(comment)]));
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error instanceof StudioError ? error.code : String(error);
}

const contents = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,6}(\/[a-z]{1,6}\.png)?$/),
  fc.uint8Array({ maxLength: 300 }),
  { maxKeys: 6 },
);

describe('what is packed is unpacked', () => {
  it('as client-zip writes it', () =>
    fc.assert(
      fc.asyncProperty(contents, async (files) => {
        const input = Object.entries(files).map(([name, data]) => ({ name, input: data }));
        const bytes = new Uint8Array(await new Response(makeZip(input)).arrayBuffer());
        expect(Object.fromEntries(await unzipAll(source(bytes), LIMITS))).toEqual(files);
      }),
      { seed: 7, numRuns: 50 },
    ));

  it('deflated, with wide fields, with a comment', () =>
    fc.assert(
      fc.asyncProperty(contents, fc.boolean(), fc.boolean(), async (files, deflated, zip64) => {
        const parts = Object.entries(files).map(([name, data]) => ({ name, data, deflated }));
        const bytes = archive(parts, { zip64, comment: 'PK\u0005\u0006 is no end' });
        expect(Object.fromEntries(await unzipAll(source(bytes), LIMITS))).toEqual(files);
      }),
      { seed: 8, numRuns: 50 },
    ));

  it('by ranges: an entry is read without its neighbors', async () => {
    const big = { name: 'big.bin', data: new Uint8Array(90_000) };
    const bytes = archive([big, { name: 'small.txt', data: encode('small') }, { ...big, name: 'c.bin' }]);
    let read = 0;
    const counted: ByteSource = {
      ...source(bytes),
      read: (offset, length) => {
        read += length;
        return source(bytes).read(offset, length);
      },
    };
    const zip = await openZip(counted, LIMITS);
    read = 0;
    expect(new TextDecoder().decode(await zip.read('small.txt'))).toBe('small');
    expect(read).toBeLessThan(100);
  });
});

describe('refused', () => {
  const a = { name: 'a.txt', data: encode('aaaa') };
  const b = { name: 'b.txt', data: encode('bbbb') };
  const all = (bytes: Uint8Array, limits = LIMITS) => codeOf(unzipAll(source(bytes), limits));

  it.each(['../a', 'a/../../b', '/etc/a', 'C:\\a', 'a\\b', 'a//b', './a', 'a\0b'])(
    'the name %j',
    async (name) => {
      expect(await all(archive([{ ...a, name }]))).toBe('zip-unreadable');
    },
  );

  it('a name that appears twice', async () => {
    expect(await all(archive([a, a]))).toBe('zip-unreadable');
  });

  it('a name that is another one at the data', async () => {
    expect(await all(archive([{ ...a, local: 'b.txt' }]))).toBe('zip-unreadable');
    expect(await all(archive([{ ...a, local: 'a.text' }, b]))).toBe('zip-unreadable');
  });

  it('sizes and checksums that are not those of the data', async () => {
    for (const deflated of [false, true]) {
      expect(await all(archive([{ ...a, deflated, size: 3 }]))).toBe('zip-unreadable');
      expect(await all(archive([{ ...a, deflated, size: 5 }]))).toBe('zip-unreadable');
      expect(await all(archive([{ ...a, deflated, crc: 1 }]))).toBe('zip-unreadable');
    }
  });

  it('a bomb: more than it says, more than is allowed, too many, all together too much', async () => {
    const zeros = { name: 'zeros', data: new Uint8Array(10_000_000), deflated: true };
    expect(await all(archive([{ ...zeros, size: 1000 }]))).toBe('zip-unreadable');
    expect(await all(archive([zeros]))).toBe('zip-too-large');
    expect(await all(archive([a, b]), { ...LIMITS, maxEntries: 1 })).toBe('zip-unreadable');
    expect(await all(archive([a, b]), { ...LIMITS, maxTotalBytes: 7 })).toBe('zip-too-large');
  });

  it('entries that share their data', async () => {
    const bytes = Buffer.from(archive([a, { ...a, name: 'b.txt' }]));
    // The second entry of the directory points to the first local header.
    const second = bytes.lastIndexOf(Buffer.from('b.txt')) - 46;
    bytes.writeUInt32LE(0, second + 42);
    expect(await all(bytes)).toBe('zip-unreadable');
  });

  it('an archive with any byte changed, or it reads the same', () =>
    fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (where, xor, zip64) => {
          const bytes = archive([{ ...a, deflated: true }, b], { zip64 });
          const at = where % bytes.length;
          bytes[at] = (bytes[at] as number) ^ xor;
          const files = await unzipAll(source(bytes), LIMITS).catch((error: unknown) => error);
          if (files instanceof Map) {
            expect(
              [...files.values()].every((data) => ['aaaa', 'bbbb'].includes(new TextDecoder().decode(data))),
            ).toBe(true);
          } else {
            expect(['zip-unreadable', 'zip-too-large']).toContain((files as StudioError).code);
          }
        },
      ),
      { seed: 9, numRuns: 2000 },
    ));

  it('an archive cut short, and any other bytes', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), fc.uint8Array({ maxLength: 200 }), async (length, junk) => {
        const bytes = archive([a, b]);
        expect(await all(bytes.subarray(0, length % bytes.length))).toBe('zip-unreadable');
        expect(await all(junk)).toBe('zip-unreadable');
      }),
      { seed: 10, numRuns: 200 },
    ));
});

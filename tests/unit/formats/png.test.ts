import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePng, encodePng } from '../../../src/formats/png.ts';
import { type PngChunk, readChunks, writeChunks } from '../../../src/formats/pngChunks.ts';
import { readPngText, withPngText } from '../../../src/formats/pngText.ts';
import { crc32 } from '../../../src/lib/crc32.ts';
import { StudioError } from '../../../src/lib/errors.ts';

type Golden = {
  width: number;
  height: number;
  images: { name: string; png: string; rgb: number[] }[];
  refused: { name: string; png: string }[];
};
const golden = JSON.parse(readFileSync('tests/golden/pillow.json', 'utf8')) as Golden;
const fromBase64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const withTexts = fromBase64(golden.images.find(({ name }) => name === 'RGB')?.png ?? '');

const image = fc
  .record({
    width: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 9 }),
    seed: fc.nat(255),
  })
  .map(({ width, height, seed }) => ({
    width,
    height,
    rgb: Uint8Array.from({ length: width * height * 3 }, (_, i) => i * seed + (i >> 3)),
  }));

it('computes the check value of CRC-32', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926); // the catalog's check value of CRC-32/ISO-HDLC
});

describe('pixels', () => {
  it.each(golden.images)('agree with Pillow: $name', async ({ png, rgb }) => {
    const { width, height } = golden;
    expect(await decodePng(fromBase64(png), 'a.png')).toEqual({ width, height, rgb: Uint8Array.from(rgb) });
  });

  it('come back as they were', async () => {
    await fc.assert(
      fc.asyncProperty(image, async ({ width, height, rgb }) => {
        const png = await encodePng(rgb, width, height);
        expect(await decodePng(png, 'a.png')).toEqual({ width, height, rgb });
      }),
      { numRuns: 30 },
    );
  });

  it('are undone from each filter', async () => {
    // 2 x 5 gray pixels, one filter per row, worked by hand: none, sub, up, average, Paeth
    const rows = [0, 10, 20, 1, 10, 5, 2, 1, 1, 3, 10, 2, 4, 4, 200];
    const expected = [10, 20, 10, 15, 11, 16, 15, 17, 19, 219];
    const { rgb } = await decodePng(gray(2, 5, rows), 'a.png');
    expect([...rgb].filter((_, i) => i % 3 === 0)).toEqual(expected);
  });

  it('refuse to be encoded in the wrong number', async () => {
    await expect(encodePng(new Uint8Array(5), 1, 2)).rejects.toThrow(RangeError);
  });
});

/** A gray image from its filtered rows. */
function gray(width: number, height: number, rows: number[], headerEnd = [8, 0, 0, 0, 0]): Uint8Array {
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set(headerEnd, 8);
  return writeChunks([
    { type: 'IHDR', data: header },
    { type: 'IDAT', data: new Uint8Array(deflateSync(Uint8Array.from(rows))) },
    { type: 'IEND', data: new Uint8Array(0) },
  ]);
}

describe('refusals', () => {
  const good = gray(1, 1, [0, 7]);
  const edit = (at: number, value: number) => good.map((byte, i) => (i === at ? value : byte));
  it.each([
    ...golden.refused.map(({ name, png }) => [name, fromBase64(png), 'color format'] as const),
    ['an empty file', new Uint8Array(0), 'start like one'],
    ['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), 'start like one'],
    ['a file cut in a chunk', good.subarray(0, 40), 'cut short'],
    ['a file without an end', good.subarray(0, -12), 'cut short'],
    ['a chunk longer than the file', edit(8, 0x7f), 'cut short'],
    ['a changed header', edit(19, 2), 'checksum of its IHDR'],
    ['an image of no pixels', gray(0, 1, []), '0 x 1'],
    ['an image of 2^62 pixels', gray(2 ** 31, 2 ** 31, [0]), 'pixels are not read'],
    ['interlacing', gray(1, 1, [0, 7], [8, 0, 0, 0, 1]), 'interlaced'],
    ['fewer rows than promised', gray(1, 2, [0, 7]), 'fewer pixels'],
    ['more rows than promised', gray(1, 1, [0, 7, 0, 7]), 'unpacked'],
    ['a decompression bomb', gray(1, 1, Array<number>(1e6).fill(0)), 'unpacked'],
    ['an unknown filter', gray(1, 1, [5, 7]), 'unknown filter 5'],
    ['a color that is not in the palette', gray(1, 1, [0, 7], [8, 3, 0, 0, 0]), 'no color 7'],
  ] as const)('%s', async (_, bytes, problem) => {
    await expect(decodePng(bytes, 'a.png')).rejects.toMatchObject({
      code: 'png-invalid',
      message: expect.stringContaining(problem),
      where: 'a.png',
    });
  });

  it('are the only thing that escapes from damaged files', async () => {
    const file = fc.constantFrom(...golden.images.map(({ png }) => fromBase64(png)));
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(file, damage, fc.nat(99), fc.boolean(), async (bytes, changes, cut, checksums) => {
        const chunks = readChunks(bytes, 'a.png').map(({ type, data }) => ({ type, data: data.slice() }));
        for (const [at, value] of changes) {
          const data = chunks[at % chunks.length]?.data;
          if (data?.length) data[at % data.length] = value;
        }
        const damaged = checksums ? writeChunks(chunks) : bytes.slice(0, bytes.length - cut);
        await decodePng(damaged, 'a.png').catch(expectStudioError);
        await readPngText(damaged, 'a.png').catch(expectStudioError);
      }),
      { numRuns: 200 },
    );
  });

  const expectStudioError = (error: unknown) => expect(error).toBeInstanceOf(StudioError);
});

describe('texts', () => {
  it('are read as Pillow wrote them, packed or not', async () => {
    expect(Object.fromEntries(await readPngText(withTexts, 'a.png'))).toEqual({
      parameters: 'a red cube\nSteps: 20, Seed: 7',
      Title: 'naïve',
      'mi-tune': '{"prompt":"一个立方体"}',
      packed: 'z'.repeat(300),
      'packed-utf8': 'ключ'.repeat(50),
    });
  });

  it('replace their keyword and leave the image alone', async () => {
    const changed = withPngText(withTexts, { parameters: 'new', 'mi-tune': '{"seed":1}' }, 'a.png');
    const texts = await readPngText(changed, 'a.png');
    expect([texts.get('parameters'), texts.get('mi-tune'), texts.get('Title')]).toEqual([
      'new',
      '{"seed":1}',
      'naïve',
    ]);
    expect(texts.size).toBe(5);
    expect(await decodePng(changed, 'a.png')).toEqual(await decodePng(withTexts, 'a.png'));
  });

  it('are stored in the types that Pillow stores them in', () => {
    const plain = withPngText(withTexts, { parameters: 'naïve', 'mi-tune': '立' }, 'a.png');
    const typeOf = (keyword: string) =>
      readChunks(plain, 'a.png').find(({ data }: PngChunk) =>
        Buffer.from(data).toString().startsWith(keyword),
      )?.type;
    expect([typeOf('parameters'), typeOf('mi-tune')]).toEqual(['tEXt', 'iTXt']);
    const firstData = readChunks(plain, 'a.png').findIndex(({ type }) => type === 'IDAT');
    const lastText = readChunks(plain, 'a.png').findLastIndex(({ type }) => type.endsWith('Xt'));
    expect(lastText).toBeLessThan(firstData);
  });

  it('come back as they were', async () => {
    const keyword = fc.constantFrom('parameters', 'mi-tune', 'Über', 'a');
    const text = fc
      .oneof(fc.string(), fc.constant('\ufeff立'), fc.string({ unit: 'binary' }))
      .map((value) => value.replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(keyword, text), async (texts) => {
        const png = withPngText(await encodePng(Uint8Array.of(1, 2, 3), 1, 1), texts, 'a.png');
        expect(Object.fromEntries(await readPngText(png, 'a.png'))).toEqual({ ...texts });
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['', 'x'],
    [' a', 'x'],
    ['a\n', 'x'],
    ['k'.repeat(80), 'x'],
    ['键', 'x'],
    ['a', 'x\0y'],
  ])('refuse the keyword %j with text %j', (keyword, text) => {
    expect(() => withPngText(withTexts, { [keyword]: text }, 'a.png')).toThrow(
      expect.objectContaining({ code: 'png-text' }),
    );
  });
});

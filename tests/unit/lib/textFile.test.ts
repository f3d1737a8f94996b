import { expect, test } from 'vitest';
import { decodeText, readText } from '../../../src/lib/textFile.ts';

const TEXT = 'a red cube\r\n一个红色的立方体 🟥';

function utf16(text: string, littleEndian: boolean): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(2 * (text.length + 1)));
  [...`\uFEFF${text}`.split('')].forEach((unit, i) => {
    view.setUint16(2 * i, unit.charCodeAt(0), littleEndian);
  });
  return new Uint8Array(view.buffer);
}

test.each([
  ['UTF-8', new TextEncoder().encode(TEXT)],
  ['UTF-8 with a mark', new TextEncoder().encode(`\uFEFF${TEXT}`)],
  ['UTF-16, little end first', utf16(TEXT, true)],
  ['UTF-16, big end first', utf16(TEXT, false)],
])('a text in %s', async (_, bytes) => {
  expect(decodeText(bytes)).toBe(TEXT);
  expect(await readText(new Blob([bytes]))).toBe(TEXT);
});

test('bytes that are no text are marked as such, not refused', () => {
  expect(decodeText(Uint8Array.of(0xff))).toBe('\ufffd');
  expect(decodeText(Uint8Array.of())).toBe('');
});

import fc from 'fast-check';
import Papa from 'papaparse';
import { expect, it } from 'vitest';
import { writeCsv } from '../../../src/formats/csv.ts';

it('quotes what RFC 4180 says must be quoted', () => {
  const rows = [
    ['a red cube, a ball', 1.5, true],
    ['a "red" cube', -2e-7, null],
    ['two\r\nlines', Number.NaN, false],
  ];
  expect(writeCsv(['prompt', 'score', 'selected'], rows)).toBe(
    'prompt,score,selected\r\n"a red cube, a ball",1.5,true\r\n"a ""red"" cube",-2e-7,\r\n"two\r\nlines",,false\r\n',
  );
});

it.each([
  ['=HYPERLINK("x")', `"'=HYPERLINK(""x"")"`],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t'=1"],
  ['\r=1', `"'\r'=1"`],
  ['\n=1', `"'\n'=1"`],
  ['\uff1d1+1', "'\uff1d1+1"],
  ['\uff0b1', "'\uff0b1"],
  ['\uff0d1', "'\uff0d1"],
  ['\uff20SUM', "'\uff20SUM"],
  ['a\n=cmd', `"a\n'=cmd"`],
  ['a\r\n\uff1dcmd\n-1', `"a\r\n'\uff1dcmd\n'-1"`],
  ['a;=cmd;b', "a;'=cmd;b"],
  ['a\t+1', "a\t'+1"],
  ['a\nb = c', '"a\nb = c"'],
  ['a = b', 'a = b'],
])('disarms %j', (text, cell) => {
  expect(writeCsv(['x'], [[text]])).toBe(`x\r\n${cell}\r\n`);
});

it('refuses ragged rows', () => {
  expect(() => writeCsv(['a', 'b'], [['x']])).toThrow(RangeError);
});

it('is read back by a CSV reader', () => {
  const row = fc.tuple(
    fc.string(),
    fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  );
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      const { data } = Papa.parse<string[]>(writeCsv(['a', 'b'], rows), { delimiter: ',', newline: '\r\n' });
      const texts = rows.map((cells) => cells.map((cell) => String(cell)));
      const plain = data.slice(1, -1).map((cells) => cells.map(armed));
      expect(plain).toEqual(texts.map((cells) => cells.map(armed)));
    }),
  );
});

/** A cell without the apostrophes that disarm it, wherever they come from. */
function armed(cell: string): string {
  return cell.replace(/(^|[\r\n;\t])'(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])/g, '$1');
}

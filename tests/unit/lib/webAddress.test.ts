import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePercent, foreignHost } from '../../../src/lib/webAddress.ts';

test.each([
  ['a%20b', 'a b'],
  ['%zz', '%zz'],
  ['%ff', '%ff'],
])('%s is read as %s', (text, decoded) => {
  expect(decodePercent(text)).toBe(decoded);
});

test('the host is told of every address that leaves the page', () => {
  const page = 'http://127.0.0.1:4173/';
  expect(foreignHost('models/shapes/', page)).toBeNull();
  expect(foreignHost('http://127.0.0.1:4173/model/', page)).toBeNull();
  expect(foreignHost('http://127.0.0.1:4174/model/', page)).toBe('127.0.0.1:4174');
  expect(foreignHost('https://a.invalid/%zz/', page)).toBe('a.invalid');
  expect(foreignHost('//b.bb/model', page)).toBe('b.bb');
  expect(foreignHost('https://[', page)).toBeNull();
});

test('nothing throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      decodePercent(text);
      foreignHost(text, 'https://a.aa/');
    }),
    { examples: [['%zz'], ['\ud800'], ['https://']] },
  );
});

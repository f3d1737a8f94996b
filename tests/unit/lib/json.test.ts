import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findDuplicateKey } from '../../../src/lib/json.ts';

it.each([
  ['{}', undefined],
  ['{"a":1,"b":2}', undefined],
  ['{"a":1,"a":2}', 'a'],
  ['{"a":1, "b":{"a":2,"a":3}, "\\u0061" : 4}', 'a'],
  ['{"x":{"a":1},"y":{"a":1}}', undefined],
  ['{"a":"a","b":["a","a"],"c":"},{\\"a\\":"}', undefined],
  ['{"\\\\":1,"\\"":2,"\\\\":3}', '\\'],
  ['{"__proto__":1,"__proto__":2}', '__proto__'],
])('%s repeats %s', (json, key) => {
  expect(findDuplicateKey(json)).toBe(key);
});

it('agrees with the keys that made the text', () => {
  const key = fc.oneof(fc.constantFrom('a', 'b', '"', '\\', '{', ','), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.jsonValue())), (fields) => {
      const text = `{${fields.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join()}}`;
      const names = fields.map(([name]) => name);
      expect(findDuplicateKey(text)).toBe(names.find((name, i) => names.indexOf(name) < i));
    }),
  );
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Field } from '../../../../src/contract/field.ts';
import { presetSettings } from '../../../../src/contract/presets.ts';
import { MAX_SEED } from '../../../../src/contract/runSchema.ts';
import { FIELD_PATHS, type FieldPath, fieldOf, setField } from '../../../../src/contract/settings.ts';
import type { Settings } from '../../../../src/contract/spec.ts';
import { INITIAL_DRAFT } from '../../../../src/state/setup/settings.ts';
import { decodePlace, encodePlace, PAGES } from '../../../../src/state/setup/url.ts';

function acceptedBy(field: Field): fc.Arbitrary<string | number | boolean | null> {
  if (field.kind === 'switch') return fc.boolean();
  if (field.kind === 'choice') return fc.constantFrom(...field.choices.map((option) => option.value));
  const number =
    field.kind === 'integer'
      ? fc.integer({ min: field.min, max: field.max })
      : fc.double({ min: field.min, max: field.max, noNaN: true });
  return field.none === undefined ? number : fc.option(number);
}

const change = fc
  .constantFrom(...FIELD_PATHS)
  .chain((path) => acceptedBy(fieldOf(path)).map((value) => [path, value] as const));
const settingsOf = (changes: readonly (readonly [FieldPath, string | number | boolean | null])[]): Settings =>
  changes.reduce((settings, [path, value]) => setField(settings, path, value), presetSettings('paper'));

describe('the address', () => {
  test('gives back every place it was made from', () => {
    void fc.assert(
      fc.property(
        fc.array(change),
        fc.constantFrom(...PAGES),
        fc.nat({ max: MAX_SEED }),
        fc.constantFrom('auto' as const, 'wasm' as const, 'webgpu' as const),
        (changes, page, seed, backend) => {
          const draft = {
            ...INITIAL_DRAFT,
            base: 'paper' as const,
            settings: settingsOf(changes),
            seed,
            backend,
          };
          const place = { page, runId: 'run-1', list: 'places.txt', draft };
          // −0 reads back as 0, which is the same setting.
          expect(JSON.stringify(decodePlace(`#${encodePlace(place)}`))).toBe(JSON.stringify(place));
        },
      ),
    );
  });

  test('is short for an unchanged preset', () => {
    const place = { page: 'start' as const, runId: null, list: null, draft: INITIAL_DRAFT };
    expect(encodePlace(place)).toBe('v=1&page=start&preset=demo');
  });

  test('names methods with their options, and leaves out what they do not take', () => {
    const draft = {
      ...INITIAL_DRAFT,
      method: { name: 'gors', options: { threshold: 0.5 } },
      drawnBy: { name: 'attend-and-excite', options: { promptTokensOnly: false } },
    };
    const hash = encodePlace({ page: 'start' as const, runId: null, list: null, draft });
    expect(decodePlace(hash).draft).toEqual(draft);
    const odd = decodePlace('#v=1&method=gors&method.threshold=7&method.speed=1&drawnBy=gors').draft;
    expect([odd.method, odd.drawnBy]).toEqual([{ name: 'gors', options: {} }, null]);
  });

  test('names metrics, and leaves out what is no name', () => {
    const metrics = ['shapes-clip', 'clip'].map((name) => ({ name, model: null }));
    const place = {
      page: 'start' as const,
      runId: null,
      list: null,
      draft: { ...INITIAL_DRAFT, metrics },
    };
    const address = encodePlace(place);
    expect(address).toContain('metrics=shapes-clip%2Cclip');
    expect(decodePlace(`#${address}`).draft.metrics).toEqual(metrics);
    expect(decodePlace('#metrics=clip,clip').draft.metrics).toEqual([{ name: 'clip', model: null }]);
    expect(decodePlace('#metrics=../x').draft.metrics).toEqual([]);
  });

  test.each([
    { kind: 'local', id: 'known-sd21-base' },
    { kind: 'url', base: 'https://host/model/' },
  ] as const)('remembers the model $kind', (model) => {
    const draft = { ...INITIAL_DRAFT, model };
    const place = { page: 'model' as const, runId: null, list: null, draft };
    expect(decodePlace(`#${encodePlace(place)}`).draft.model).toEqual(model);
  });

  test('ignores unknown keys and values that no field accepts', () => {
    const place = decodePlace(
      '#v=9&page=nowhere&preset=demo&color=red&sampling.steps=-3&score.path=guess&seed=x',
    );
    expect(place).toEqual({ page: 'start', runId: null, list: null, draft: INITIAL_DRAFT });
  });

  test('takes models only from web addresses and lists only by name', () => {
    expect(decodePlace('#model=javascript:alert(1)').draft.model).toEqual(INITIAL_DRAFT.model);
    expect(decodePlace('#model=https://host/sd/').draft.model).toEqual({
      kind: 'url',
      base: 'https://host/sd/',
    });
    expect(decodePlace('#list=../secret.txt').list).toBeNull();
  });

  test('never throws', () => {
    void fc.assert(fc.property(fc.string(), (text) => void decodePlace(text)));
  });
});

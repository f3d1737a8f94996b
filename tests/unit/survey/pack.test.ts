import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesSource } from '../../../src/lib/bytes.ts';
import { StudioError } from '../../../src/lib/errors.ts';
import { parseManifest } from '../../../src/survey/manifest.ts';
import { openPack, pixelsOf, readImage, writePack } from '../../../src/survey/pack.ts';
import { methodsManifest, metricsManifest, smallPng, zipOf } from './packs.ts';

const source = (bytes: Uint8Array) => bytesSource(bytes, 'pack.zip');
const pathsOf = (manifest: typeof metricsManifest) =>
  new Set(manifest.questions.flatMap(({ images }) => Object.values(images)));

async function filesOf(manifest: typeof metricsManifest): Promise<Map<string, Uint8Array>> {
  const png = await smallPng(200);
  return new Map([...pathsOf(manifest)].map((path) => [path, png]));
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error instanceof StudioError ? error.code : String(error);
}

describe('a pack', () => {
  it.each([
    ['metrics', metricsManifest],
    ['methods', methodsManifest],
  ])('of the %s campaign is what was written, each image once', async (_, manifest) => {
    const asked: string[] = [];
    const blob = await writePack(manifest, async (path) => {
      asked.push(path);
      return smallPng(asked.length);
    });
    expect(asked).toEqual([...pathsOf(manifest)]);
    const pack = await openPack(source(new Uint8Array(await blob.arrayBuffer())));
    expect(pack.manifest).toEqual(manifest);
    for (const [i, path] of asked.entries()) {
      const { rgb } = await pixelsOf(await readImage(pack, path), path);
      expect(rgb).toEqual(new Uint8Array(12).fill(i + 1));
    }
  });

  it('without an image that it names is refused at once', async () => {
    const files = await filesOf(metricsManifest);
    files.delete('images/0.png');
    expect(await codeOf(openPack(source(await zipOf(metricsManifest, files))))).toBe('survey-invalid');
  });

  it('whose image is none, or too large, is refused when that is read', async () => {
    const files = await filesOf(metricsManifest);
    files.set('images/0.png', new TextEncoder().encode('<svg onload="alert(1)">'));
    files.set('images/3.png', await smallPng(1, 2049, 1));
    const pack = await openPack(source(await zipOf(metricsManifest, files)));
    expect(await codeOf(readImage(pack, 'images/0.png'))).toBe('png-invalid');
    expect(await codeOf(readImage(pack, 'images/3.png'))).toBe('survey-invalid');
    expect(await codeOf(readImage(pack, 'images/6.png'))).toBe('null');
  });

  it('is no other zip, and no other file', async () => {
    expect(await codeOf(openPack(source(await zipOf('', new Map()))))).toBe('survey-invalid');
    expect(await codeOf(openPack(source(new Uint8Array(100))))).toBe('zip-unreadable');
  });

  it('with any byte changed is refused, or says the same', async () => {
    const small = { ...metricsManifest, questions: metricsManifest.questions.slice(0, 2) };
    const bytes = await zipOf(small, await filesOf(small));
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (where, xor) => {
        const changed = bytes.slice();
        const at = where % bytes.length;
        changed[at] = (changed[at] as number) ^ xor;
        const read = async () => {
          const pack = await openPack(source(changed));
          for (const path of pathsOf(pack.manifest)) await readImage(pack, path);
          return pack.manifest;
        };
        const found = await read().catch((error: unknown) => error);
        if (found instanceof StudioError) expect(found.code).toMatch(/^(zip|survey|png)-/);
        else expect(found).toEqual(small);
      }),
      { seed: 31, numRuns: 500 },
    );
  });
});

describe('a manifest', () => {
  const [first] = metricsManifest.questions;
  const wrong: readonly (readonly [string, unknown])[] = [
    ['another format', { ...metricsManifest, format: 'mi-tune-survey-2' }],
    ['unknown fields', { ...metricsManifest, script: 'alert(1)' }],
    ['five scores', { ...metricsManifest, columns: ['a', 'b', 'c', 'd', 'e'] }],
    ['one score', { ...metricsManifest, columns: ['mi'] }],
    ['a score twice', { ...metricsManifest, columns: ['mi', 'mi', 'hps'] }],
    ['a score named prompt', { ...metricsManifest, columns: ['mi', 'prompt', 'hps'] }],
    ['no rounds', { ...metricsManifest, rounds: 0 }],
    ['half a round', { ...metricsManifest, rounds: 1.5 }],
    ['no prompts', { ...metricsManifest, questions: [] }],
    ['a category of metrics', { ...metricsManifest, questions: [{ ...first, category: 'color' }] }],
    ['methods without categories', { ...methodsManifest, questions: metricsManifest.questions }],
    [
      'an image too few',
      { ...metricsManifest, questions: [{ ...first, images: { mi: 'a.png', hps: 'a.png' } }] },
    ],
    [
      'an image of another column',
      { ...metricsManifest, questions: [{ ...first, images: { mi: 'a.png', blip: 'a.png', x: 'a.png' } }] },
    ],
    ['a prompt of two lines', { ...metricsManifest, questions: [{ ...first, prompt: 'a\nb' }] }],
    [
      'a picture that is no PNG',
      { ...metricsManifest, questions: [{ ...first, images: { mi: 'a.svg', blip: 'a.png', hps: 'a.png' } }] },
    ],
    ['answers by http', { ...metricsManifest, answersTo: 'http://example.org/answers' }],
    ['answers to a script', { ...metricsManifest, answersTo: 'javascript:alert(1)' }],
    ['answers with a password', { ...metricsManifest, answersTo: 'https://me:secret@example.org/' }],
  ];
  it.each(wrong)('with %s is refused', (_, manifest) => {
    expect(() => parseManifest('pack.zip', JSON.stringify(manifest))).toThrow(StudioError);
  });

  it.each(['https://example.org/answers', 'http://localhost:8000/', 'http://127.0.0.1/x', null])(
    'may send answers to %s',
    (answersTo) => {
      expect(parseManifest('pack.zip', JSON.stringify({ ...metricsManifest, answersTo })).answersTo).toBe(
        answersTo,
      );
    },
  );

  it('says nothing twice', () => {
    const text = JSON.stringify(metricsManifest).replace('{', '{"rounds":1,');
    expect(() => parseManifest('pack.zip', text)).toThrow(/twice/);
  });

  it('is read or refused with a reason, whatever it holds', () =>
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.string({ maxLength: 40 }), (json, text) => {
        for (const given of [json, text]) {
          try {
            parseManifest('pack.zip', given);
          } catch (error) {
            expect((error as StudioError).code).toBe('survey-invalid');
          }
        }
      }),
      { seed: 32, numRuns: 300 },
    ));
});

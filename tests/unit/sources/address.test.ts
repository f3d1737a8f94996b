import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StudioError } from '../../../src/lib/errors.ts';
import {
  isSingleFile,
  parseSource,
  sourceId,
  sourceName,
  sourceOrigin,
} from '../../../src/sources/address.ts';

/** Web addresses take long to make up. */
const FUZZ = { numRuns: 50 };

const hub = (repository: string, revision = 'main', path = '') => ({
  kind: 'hub',
  hub: 'huggingface',
  repository,
  revision,
  path,
});

describe('an address', () => {
  test.each([
    ['owner/name', hub('owner/name')],
    ['  owner/some.model-1  ', hub('owner/some.model-1')],
    ['owner/name@fp16', hub('owner/name', 'fp16')],
    ['https://huggingface.co/owner/name', hub('owner/name')],
    ['https://hf.co/owner/name/', hub('owner/name')],
    ['https://huggingface.co/owner/name/tree/main', hub('owner/name')],
    ['https://huggingface.co/owner/name/tree/refs%2Fpr%2F20/unet', hub('owner/name', 'refs/pr/20')],
    ['https://huggingface.co/owner/name/blob/main/unet/config.json', hub('owner/name')],
    ['https://huggingface.co/owner/name/blob/main/model_index.json', hub('owner/name')],
    ['https://huggingface.co/owner/name/tree/main/models/a', hub('owner/name', 'main', 'models/a')],
    [
      'https://huggingface.co/owner/name/resolve/v1/v2-1_512-ema-pruned.safetensors?download=true',
      hub('owner/name', 'v1', 'v2-1_512-ema-pruned.safetensors'),
    ],
    ['sd21-base', { kind: 'catalog', id: 'sd21-base' }],
    ['Manojb/stable-diffusion-2-1-base', { kind: 'catalog', id: 'sd21-base' }],
    ['https://huggingface.co/SPRIGHT-T2I/spright-t2i-sd2', { kind: 'catalog', id: 'spright' }],
    ['https://example.org/models/sd', { kind: 'url', url: 'https://example.org/models/sd/' }],
    [
      'https://example.org/models/sd/unet/diffusion_pytorch_model.safetensors',
      { kind: 'url', url: 'https://example.org/models/sd/' },
    ],
    ['http://127.0.0.1:8000/', { kind: 'url', url: 'http://127.0.0.1:8000/' }],
    // A path that begins with two slashes is no address of its own, and names no other host.
    ['https://a.aa//', { kind: 'url', url: 'https://a.aa//' }],
    ['https://a.aa//b.bb/model', { kind: 'url', url: 'https://a.aa//b.bb/model/' }],
    ['https://a.aa/%zz', { kind: 'url', url: 'https://a.aa/%zz/' }],
    [
      'https://example.org/a%20b.safetensors?signature=x#y',
      { kind: 'url', url: 'https://example.org/a%20b.safetensors?signature=x' },
    ],
  ])('%s is read', (text, source) => {
    expect(parseSource(text)).toEqual(source);
  });

  test.each([
    ['', 'model-address-invalid'],
    ['name', 'model-address-invalid'],
    ['a/b/c', 'model-address-invalid'],
    ['example.org/model', 'model-address-invalid'],
    ['ftp://example.org/model', 'model-address-invalid'],
    ['javascript:alert(1)', 'model-address-invalid'],
    ['http://example.org/model', 'model-address-invalid'],
    ['https://user:secret@example.org/model', 'model-address-invalid'],
    ['https://example.org/model?x=1', 'model-address-invalid'],
    ['https://huggingface.co/', 'model-address-invalid'],
    ['https://huggingface.co/owner/name/discussions/4', 'model-address-invalid'],
    ['owner/..', 'model-address-invalid'],
    ['owner/name@..', 'model-address-invalid'],
    ['https://huggingface.co/owner/name/blob/main/%2E%2E%2Fother/x.safetensors', 'model-address-invalid'],
    ['https://huggingface.co/owner/name/blob/main/%5Cx.safetensors', 'model-address-invalid'],
    ['owner/name@\ud800', 'model-address-invalid'],
    ['https://example.org/model.ckpt', 'model-pickle'],
    ['https://huggingface.co/o/n/blob/main/unet/diffusion_pytorch_model.bin', 'model-pickle'],
  ])('%s is refused', (text, code) => {
    expect(codeOf(() => parseSource(text))).toBe(code);
  });

  test('never repeats a password', () => {
    try {
      parseSource('https://user:secret@example.org/model');
    } catch (error) {
      expect(JSON.stringify([(error as StudioError).message, (error as StudioError).where])).not.toContain(
        'secret',
      );
    }
  });

  test('is read or refused, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true, withFragments: true })),
        (text) => {
          expect([null, 'model-address-invalid', 'model-pickle']).toContain(codeOf(() => parseSource(text)));
        },
      ),
      { ...FUZZ, examples: [['https://a.aa//'], ['https://a.aa/%zz/'], ['owner/name@\udfff']] },
    );
  }, 30_000);
});

describe('a source', () => {
  test('has a name, an origin and an identifier that names can be made of', () => {
    const file = parseSource('https://huggingface.co/o/n/blob/main/v2-1_512.safetensors');
    expect([sourceName(file), sourceOrigin(file), isSingleFile(file)]).toEqual([
      'v2-1_512.safetensors',
      'o/n/v2-1_512.safetensors',
      true,
    ]);
    const folder = parseSource('https://example.org/m/a b/');
    expect([sourceName(folder), sourceOrigin(folder), isSingleFile(folder)]).toEqual([
      'a b',
      'example.org/m/a b/',
      false,
    ]);
    for (const source of [file, folder, parseSource('sd15')])
      expect(sourceId(source)).toMatch(/^[\w-][\w.-]{0,99}$/);
  });

  test('keeps its identifier whatever a signature in its address says, and shares it with no other', () => {
    const id = (text: string) => sourceId(parseSource(text));
    expect(id('https://a.org/x.safetensors?sig=1')).toBe(id('https://a.org/x.safetensors?sig=2'));
    const others = [
      'o/n',
      'o/n@fp16',
      'o-n/n',
      'https://a.org/o/n',
      'https://a.org/o-n',
      'https://b.org/o/n',
    ];
    expect(new Set(others.map(id)).size).toBe(others.length);
    fc.assert(
      fc.property(fc.webUrl(), (url) => {
        if (codeOf(() => parseSource(url)) !== null) return;
        expect(id(url)).toMatch(/^[\w-][\w.-]{0,99}$/);
        const source = parseSource(url);
        if (source.kind === 'url') expect(new URL(source.url).host).toBe(new URL(url).host);
      }),
      { ...FUZZ, examples: [['https://a.aa//'], ['https://a.aa//b.bb/'], ['https://a.aa/%zz/']] },
    );
  }, 30_000);
});

function codeOf(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof StudioError ? error.code : String(error);
  }
}

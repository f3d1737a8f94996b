import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reportError, StudioError } from '../../../src/lib/errors.ts';
import { HUBS } from '../../../src/sources/hubs.ts';
import { type Place, placesOf } from '../../../src/storage/download/places.ts';
import { describePlace, finalError } from '../../../src/storage/download/remote.ts';
import { type RangeServer, serveRanges } from '../../../tools/lib/rangeServer.ts';

const files = new Map<string, Uint8Array>();
const sha = 'a'.repeat(40);
const oid = 'b'.repeat(64);
let server: RangeServer;
let place: Place;

beforeAll(async () => {
  server = await serveRanges(files);
  const hubs = { huggingface: { ...HUBS.huggingface, origin: server.url.slice(0, -1) } };
  const source = { kind: 'hub', hub: 'huggingface', repository: 'o/n', revision: 'main', path: '' } as const;
  place = placesOf(source, hubs)[0] as Place;
});
afterAll(() => server.close());

const describe = () => describePlace(place, { token: null, signal: new AbortController().signal });
const answer = (about: unknown, listing: unknown): void => {
  files.set('/api/models/o/n/revision/main', new TextEncoder().encode(JSON.stringify(about)));
  files.set(`/api/models/o/n/tree/${sha}`, new TextEncoder().encode(JSON.stringify(listing)));
};
const complete = [
  'unet/config.json',
  'vae/config.json',
  'text_encoder/config.json',
  'tokenizer/vocab.json',
  'tokenizer/merges.txt',
  'tokenizer/tokenizer_config.json',
  'scheduler/scheduler_config.json',
].map((path) => ({ type: 'file', path, size: 10 }));
const weights = ['unet/diffusion_pytorch_model', 'vae/diffusion_pytorch_model', 'text_encoder/model'].flatMap(
  (path) =>
    ['', '.fp16'].map((variant) => ({
      type: 'file',
      path: `${path}${variant}.safetensors`,
      size: 134,
      lfs: { oid, size: 1_730_000_000, pointerSize: 134 },
    })),
);

test('half precision is taken, with the sizes and hashes of the large files behind the pointers', async () => {
  answer(
    { sha, cardData: { license: 'other', license_name: 'my-license', license_link: 'https://x.org/l' } },
    [...complete, ...weights],
  );
  const { files: found, license, place: name } = await describe();
  expect(found.filter(({ path }) => path.endsWith('.safetensors'))).toEqual(
    ['unet/diffusion_pytorch_model', 'vae/diffusion_pytorch_model', 'text_encoder/model'].map((path) => ({
      path: `${path}.fp16.safetensors`,
      url: `${server.url}o/n/resolve/${sha}/${path}.fp16.safetensors`,
      sizeBytes: 1_730_000_000,
      sha256: oid,
      version: null,
    })),
  );
  expect(license).toEqual({ name: 'my-license', url: 'https://x.org/l', summary: '' });
  expect(name).toBe(`${new URL(server.url).host}/o/n`);
});

test('links of a license that are no web addresses are not shown', async () => {
  answer({ sha, cardData: { license: 'x', license_link: 'javascript:alert(1)' } }, [...complete, ...weights]);
  expect((await describe()).license).toEqual({ name: 'x', url: `${server.url}o/n`, summary: '' });
});

test('paths that lead out, and files that nothing reads, are never asked for', async () => {
  const outside = [
    '../x.json',
    'unet/../../x.json',
    'unet/..',
    '/etc/passwd',
    'unet\\..\\x.json',
    'c:/x.json',
  ];
  const useless = Array.from({ length: 3000 }, (_, i) => `unet/extra${i}.json`);
  const others = [...outside.filter((path) => path !== 'unet/..'), ...useless];
  answer({ sha }, [...complete, ...weights, ...others.map((path) => ({ type: 'file', path, size: 10 }))]);
  const { files: found } = await describe();
  expect(found.map(({ path }) => path).toSorted()).toEqual(
    [
      ...complete.map(({ path }) => path),
      ...weights.map(({ path }) => path).filter((path) => path.includes('.fp16.')),
    ].toSorted(),
  );
  answer({ sha }, [...complete, ...weights, { type: 'file', path: 'unet/..', size: 10 }]);
  await expect(describe()).rejects.toMatchObject({ code: 'storage-path' });
});

test('listings of any length and files of any size do no more than be refused', async () => {
  answer({ sha }, [...complete, ...weights, ...Array(400_000).fill({ type: 'file', path: 'a', size: 1 })]);
  expect((await describe()).files).toHaveLength(10);
  answer({ sha }, [{ ...complete[0], size: 1e15 }, ...complete.slice(1), ...weights]);
  await expect(describe()).rejects.toMatchObject({ code: 'hub-answer' });
  answer({ sha }, [{ ...complete[0], size: -1 }, ...complete.slice(1), ...weights]);
  await expect(describe()).rejects.toMatchObject({ code: 'hub-answer' });
  answer({ sha, padding: 'x'.repeat(17e6) }, []);
  await expect(describe()).rejects.toMatchObject({ code: 'url-failed' });
});

test('a file whose name is no text is left out, and the others are found', async () => {
  answer({ sha }, [...complete, ...weights, { type: 'file', path: 'unet/\ud800.json', size: 10 }]);
  expect((await describe()).files).toHaveLength(10);
});

test('a next page that is no address, or another host’s, is refused', async () => {
  answer({ sha }, [...complete, ...weights]);
  for (const link of ['<https://[>; rel="next"', '<https://b.bb/>; rel="next"', '<//b.bb/x>;rel=next']) {
    server.misbehave('*', { link });
    await expect(describe()).rejects.toMatchObject({ code: 'hub-answer' });
  }
  server.misbehave('*', { link: `${'<'.repeat(8000)}; rel="next"` });
  expect((await describe()).files).toHaveLength(10);
  server.misbehave('*', null);
});

test('a token that is none is refused without being repeated', async () => {
  answer({ sha }, [...complete, ...weights]);
  for (const token of ['hf_sécret', 'hf_secret\nX-Other: 1', 'hf_ secret', '“hf_secret”']) {
    const { signal } = new AbortController();
    const error: unknown = await describePlace(place, { token, signal }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'token-invalid' });
    expect(JSON.stringify(reportError(error)) + String((error as Error).cause)).not.toMatch(/secret|sécret/);
  }
});

test('whatever a hub answers is understood or refused', async () => {
  const listing = fc.array(
    fc.record({
      type: fc.anything(),
      path: fc.oneof(fc.string(), fc.anything()),
      size: fc.anything(),
      lfs: fc.anything(),
    }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.jsonValue(), listing),
      fc.oneof(fc.constant({ sha }), fc.jsonValue()),
      async (list, about) => {
        answer(about, list);
        const error: unknown = await describe().catch((caught: unknown) => caught);
        expect(error).toBeInstanceOf(StudioError);
      },
    ),
    { numRuns: 50 },
  );
}, 30_000);

test('a server that has stopped sending is asked again, and then told of', async () => {
  let asked = 0;
  const silent = createServer((_, response) => {
    asked++;
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*' });
    response.write('{"sha"');
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const source = { kind: 'hub', hub: 'huggingface', repository: 'o/n', revision: 'main', path: '' } as const;
  const [there] = placesOf(source, { huggingface: { ...HUBS.huggingface, origin } }) as [Place];
  const access = { token: null, signal: new AbortController().signal, waitsMs: [1, 1], stallMs: 50 };
  try {
    await expect(
      describePlace(there, access).catch((error: unknown) => Promise.reject(finalError(error))),
    ).rejects.toMatchObject({
      code: 'url-failed',
      message: `${new URL(origin).host} has stopped sending.`,
    });
    expect(asked).toBe(3);
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
});

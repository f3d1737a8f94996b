import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { blobSource, bytesSource, concatBytes, urlSource } from '../../../src/lib/bytes.ts';

const DATA = Uint8Array.from({ length: 300 }, (_, i) => i % 251);
let server: Server | undefined;

/** Serves on a free loopback port until the end of the test; returns the URL and the seen requests. */
async function serve(listener: RequestListener): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = [];
  const opened = createServer((request, response) => {
    seen.push(
      `${request.method} ${request.headers.range ?? 'whole'} ${request.headers.referer ?? 'no-referrer'}`,
    );
    listener(request, response);
  });
  server = opened;
  await new Promise<void>((resolve) => opened.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(opened.address() as AddressInfo).port}/folder/model.bin?sig=1`, seen };
}

afterEach(async () => {
  const opened = server;
  server = undefined;
  if (opened) await new Promise((resolve) => opened.close(resolve));
});

const withRanges =
  (data: Uint8Array, total = data.length): RequestListener =>
  (request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (first === undefined || last === undefined) return response.writeHead(200).end(data);
    if (Number(first) >= data.length) {
      return response.writeHead(416, { 'Content-Range': `bytes */${data.length}` }).end();
    }
    response.writeHead(206, { 'Content-Range': `bytes ${first}-${last}/${total}` });
    return response.end(data.subarray(Number(first), Number(last) + 1));
  };

describe('in memory', () => {
  it.each([
    ['bytes', bytesSource(DATA, 'data.bin')],
    ['blob', blobSource(new Blob([DATA]), 'data.bin')],
  ])('%s: reads ranges and refuses what is outside', async (_, source) => {
    expect(source).toMatchObject({ name: 'data.bin', sizeBytes: 300 });
    expect(await source.read(7, 3)).toEqual(Uint8Array.of(7, 8, 9));
    expect(await source.read(300, 0)).toEqual(new Uint8Array(0));
    for (const [offset, length] of [
      [299, 2],
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [Number.NaN, 1],
      [2 ** 53, 1],
    ] as const) {
      await expect(source.read(offset, length)).rejects.toMatchObject({ code: 'bytes-out-of-range' });
    }
  });
});

describe('urlSource', () => {
  it('probes with a one-byte GET and then asks for ranges only', async () => {
    const { url, seen } = await serve(withRanges(DATA));
    const source = await urlSource(url);
    expect(source).toMatchObject({ name: 'model.bin', sizeBytes: 300 });
    expect(await source.read(250, 4)).toEqual(Uint8Array.of(250, 0, 1, 2));
    expect(await source.read(3, 0)).toEqual(new Uint8Array(0));
    expect(seen).toEqual(['GET bytes=0-0 no-referrer', 'GET bytes=250-253 no-referrer']);
  });

  it('serves from memory when the server ignores Range', async () => {
    const { url, seen } = await serve((_, response) => response.end(DATA));
    const source = await urlSource(url);
    expect(await source.read(10, 2)).toEqual(Uint8Array.of(10, 11));
    expect(await source.read(299, 1)).toEqual(DATA.subarray(299));
    expect(seen).toHaveLength(1);
  });

  it('refuses a large file of a server that ignores Range', async () => {
    const { url } = await serve((_, response) => response.setHeader('Content-Length', 300).end(DATA));
    await expect(urlSource(url, { maxWholeBytes: 299 })).rejects.toMatchObject({ code: 'url-no-ranges' });
    expect((await urlSource(url, { maxWholeBytes: 300 })).sizeBytes).toBe(300);
  });

  it('reads no more of an endless file than tells that it is too large', async () => {
    let sent = 0;
    const { url } = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(new Uint8Array(65_536))) sent += 65_536;
      };
      response.on('drain', more);
      more();
    });
    await expect(urlSource(url, { maxWholeBytes: 1_000_000 })).rejects.toMatchObject({
      code: 'url-no-ranges',
    });
    expect(sent).toBeLessThan(100_000_000);
  });

  it.each([-1, 1])('notices a part whose length is off by %i', async (more) => {
    const { url } = await serve((request, response) => {
      const asked = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
      const length = Number(asked?.[2]) - Number(asked?.[1]) + 1;
      const wrong = request.headers.range === 'bytes=0-0' ? length : length + more;
      response.writeHead(206, { 'Content-Range': `bytes 0-0/300` }).end(DATA.subarray(0, wrong));
    });
    const source = await urlSource(url);
    await expect(source.read(0, 8)).rejects.toMatchObject({ code: 'url-changed' });
  });

  it('loads the whole file when Content-Range is hidden', async () => {
    const { url, seen } = await serve((request, response) => {
      if (request.headers.range) response.writeHead(206).end(DATA.subarray(0, 1));
      else response.end(DATA);
    });
    expect((await urlSource(url)).sizeBytes).toBe(300);
    expect(seen.map((line) => line.split(' ')[1])).toEqual(['bytes=0-0', 'whole']);
  });

  it('accepts an empty file', async () => {
    const { url } = await serve(withRanges(new Uint8Array(0)));
    expect((await urlSource(url)).sizeBytes).toBe(0);
  });

  it.each([
    [404, 'url-not-found'],
    [403, 'url-forbidden'],
    [503, 'url-failed'],
  ])('names status %i as %s', async (status, code) => {
    const { url } = await serve((_, response) => response.writeHead(status).end('no'));
    await expect(urlSource(url)).rejects.toMatchObject({ code, where: url });
  });

  it('explains what a blocked or absent server may mean', async () => {
    const { url } = await serve((_, response) => response.destroy());
    await expect(urlSource(url)).rejects.toMatchObject({
      code: 'url-unreachable',
      remedy: expect.stringContaining('CORS'),
    });
    await expect(urlSource('not a url')).rejects.toMatchObject({ code: 'url-unreachable' });
  });

  it('notices a file that changed between requests', async () => {
    let total = 300;
    const { url } = await serve((request, response) => withRanges(DATA, total)(request, response));
    const source = await urlSource(url);
    total = 400;
    await expect(source.read(0, 8)).rejects.toMatchObject({ code: 'url-changed' });
  });

  it('lets an abort through as an abort', async () => {
    const { url } = await serve(withRanges(DATA));
    await expect(urlSource(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  it('uses the given fetch', async () => {
    const source = await urlSource('https://example.test/a/b.bin', { fetch: async () => new Response(DATA) });
    expect(source).toMatchObject({ name: 'b.bin', sizeBytes: 300 });
  });
});

it('joins parts', () => {
  expect(concatBytes([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)])).toEqual(
    Uint8Array.of(1, 2, 3),
  );
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseRange, policyOf, serveFolder } from '../../../tools/lib/staticServer.mjs';

const outer = mkdtempSync(join(tmpdir(), 'static-server-'));
const folder = join(outer, 'site');
let server: Awaited<ReturnType<typeof serveFolder>>;

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'), { recursive: true });
  mkdirSync(join(outer, 'site-secret'));
  writeFileSync(
    join(folder, 'index.html'),
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><p>start</p>`,
  );
  writeFileSync(join(folder, 'assets', 'app-1a2b.js'), '0123456789');
  writeFileSync(join(folder, 'a b.wasm'), '');
  writeFileSync(join(outer, 'secret.txt'), 'secret');
  writeFileSync(join(outer, 'site-secret', 'secret.txt'), 'secret');
  symlinkSync(join(outer, 'secret.txt'), join(folder, 'link.txt'));
  writeFileSync(join(outer, 'pack.zip'), 'PK');
  const mounts = { '/survey/pack.zip': join(outer, 'pack.zip') };
  server = await serveFolder({ folder, port: 0, mounts });
});

afterAll(async () => {
  await server.close();
  rmSync(outer, { recursive: true });
});

/** The answer to a path and headers sent as they are: fetch would normalize them first. */
function raw(path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((settle, reject) => {
    request({ host: '127.0.0.1', port: server.port, path, headers }, (response) => {
      response.resume();
      settle(response);
    })
      .on('error', reject)
      .end();
  });
}

const rawStatus = async (path: string) => (await raw(path)).statusCode;

test('a mounted file answers for itself alone', async () => {
  const pack = await fetch(`${server.url}survey/pack.zip`);
  expect([pack.status, pack.headers.get('content-type'), await pack.text()]).toEqual([
    200,
    'application/zip',
    'PK',
  ]);
  expect(await rawStatus('/survey/pack.zip/../secret.txt')).toBe(404);
  expect(await rawStatus('/survey/secret.txt')).toBe(404);
});

test('sends files with their types, and a folder as its index', async () => {
  const index = await fetch(server.url);
  expect([index.status, index.headers.get('content-type'), await index.text()]).toEqual([
    200,
    'text/html; charset=utf-8',
    expect.stringContaining('<p>start</p>'),
  ]);
  expect(index.headers.get('cache-control')).toBe('no-cache');
  const script = await fetch(`${server.url}assets/app-1a2b.js?v=1`);
  expect(script.headers.get('content-type')).toMatch(/^text\/javascript/);
  expect(script.headers.get('cache-control')).toMatch(/immutable/);
  const empty = await fetch(`${server.url}a%20b.wasm`);
  expect([empty.status, empty.headers.get('content-type')]).toEqual([200, 'application/wasm']);
});

test('sends ranges', async () => {
  const get = (range: string) => fetch(`${server.url}assets/app-1a2b.js`, { headers: { range } });
  const middle = await get('bytes=2-4');
  expect([middle.status, middle.headers.get('content-range'), await middle.text()]).toEqual([
    206,
    'bytes 2-4/10',
    '234',
  ]);
  expect(await (await get('bytes=-3')).text()).toBe('789');
  expect(await (await get('bytes=8-99')).text()).toBe('89');
  const beyond = await get('bytes=10-');
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10']);
});

test('answers a known version with 304 and another one with everything', async () => {
  const url = `${server.url}assets/app-1a2b.js`;
  const etag = (await fetch(url)).headers.get('etag') ?? '';
  expect((await fetch(url, { headers: { 'if-none-match': etag }, cache: 'no-store' })).status).toBe(304);
  const changed = await fetch(url, { headers: { range: 'bytes=0-1', 'if-range': '"old"' } });
  expect([changed.status, await changed.text()]).toEqual([200, '0123456789']);
});

test.each([
  '/../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/..%5csecret.txt',
  '/../site-secret/secret.txt',
])('refuses to leave its folder: %s', async (path) => {
  expect(await rawStatus(path)).toBe(404);
});

test.each(['/link.txt', '/assets', '/none.js', '/%', '/%00'])('has nothing at %s', async (path) => {
  expect(await rawStatus(path)).toBe(404);
});

test.each([
  ['127.0.0.1:PORT', 200],
  ['localhost:PORT', 200],
  ['[::1]:PORT', 200],
  ['evil.example:PORT', 421],
  ['127.0.0.1.evil.example:PORT', 421],
  ['127.0.0.1', 421],
  ['127.0.0.1:1', 421],
])('answers as %s with %i', async (host, status) => {
  const named = host.replace('PORT', String(server.port));
  expect((await raw('/', { host: named })).statusCode).toBe(status);
});

test('sends the policy of the page with everything, and forbids frames', async () => {
  for (const path of ['', 'assets/app-1a2b.js', 'nothing']) {
    const { headers } = await fetch(server.url + path);
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    // An isolated page, whose wasm may have threads.
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  }
  expect(policyOf(join(outer, 'site-secret'))).toBe("frame-ancestors 'none'");
});

test('reads only', async () => {
  expect((await fetch(server.url, { method: 'PUT', body: 'x' })).status).toBe(405);
});

test('takes the next port when one is in use', async () => {
  const second = await serveFolder({ folder, port: server.port });
  expect(second.port).toBeGreaterThan(server.port);
  await second.close();
});

test('parses ranges as RFC 9110 has them', () => {
  expect(parseRange('bytes=0-0', 5)).toEqual({ start: 0, end: 0 });
  expect(parseRange('bytes=-9', 5)).toEqual({ start: 0, end: 4 });
  expect(parseRange('bytes=4-2', 5)).toBeNull();
  expect(parseRange('bytes=0-1,3-4', 5)).toBeNull();
  expect(parseRange('bytes=-', 5)).toBeNull();
  expect(parseRange('bytes=-0', 5)).toBe('unsatisfiable');
  expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
});

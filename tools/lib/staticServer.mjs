// A small static file server on the loopback interface: MIME types, Range requests, no way out of its folder.

import { createReadStream, readFileSync, realpathSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream';

/** @type {Record<string, string>} */
const MIME_TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl; charset=utf-8',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.safetensors': 'application/octet-stream',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.zip': 'application/zip',
};

/**
 * What a page needs to be isolated from others in the browser, without which it may not share memory between threads.
 * Requests to other servers stay possible where those allow them (CORS), as the page's are anyway.
 */
export const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/**
 * Absolute path of the regular file that a URL path names inside a folder, or null: for a missing file, a malformed
 * URL, and everything that leads outside (also through a symbolic link). A folder stands for its index.html.
 * @param {string} folder
 * @param {string} urlPath without query, beginning with '/'
 * @returns {string | null}
 */
export function resolveInside(folder, urlPath) {
  try {
    const decoded = decodeURIComponent(urlPath);
    if (decoded.includes('\0') || decoded.includes('\\') || decoded.split('/').includes('..')) return null;
    const base = realpathSync(folder);
    let path = realpathSync(join(base, decoded));
    if (statSync(path).isDirectory()) path = realpathSync(join(path, 'index.html'));
    return path.startsWith(base + sep) && statSync(path).isFile() ? path : null;
  } catch {
    return null;
  }
}

/**
 * Answers one GET or HEAD request with a file.
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {string} path an existing file
 */
export function sendFile(request, response, path) {
  const { size, mtimeMs } = statSync(path);
  const etag = `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`;
  // Names under assets/ carry a hash of their content; everything else is asked for again.
  const immutable = path.split(sep).at(-2) === 'assets';
  response.setHeader('Content-Type', MIME_TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream');
  response.setHeader('Cache-Control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
  response.setHeader('ETag', etag);
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end();

  const ifRange = request.headers['if-range'];
  const range = ifRange && ifRange !== etag ? null : parseRange(request.headers.range, size);
  if (range === 'unsatisfiable') {
    return void response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end();
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range) response.setHeader('Content-Range', `bytes ${start}-${end}/${size}`);
  response.writeHead(range ? 206 : 200, { 'Content-Length': end - start + 1 });
  if (request.method === 'HEAD' || size === 0) return void response.end();
  pipeline(createReadStream(path, { start, end }), response, () => {
    // A reader that goes away early is no error of ours, and pipeline has closed both ends.
  });
}

/**
 * One `bytes=` range as inclusive offsets; null (send everything) for a missing, malformed or multiple range.
 * @param {string | undefined} header
 * @param {number} size
 * @returns {{ start: number, end: number } | 'unsatisfiable' | null}
 */
export function parseRange(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return null;
  const suffix = match[1] === '';
  const start = suffix ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = suffix || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (!suffix && match[2] !== '' && Number(match[2]) < start) return null;
  return start > end ? 'unsatisfiable' : { start, end };
}

/**
 * The policy that the folder's page states for itself, with what only a header can say: that nobody may frame it.
 * Workers get theirs from the header of their own script.
 * @param {string} folder
 */
export function policyOf(folder) {
  const page = resolveInside(folder, '/');
  const html = page === null ? '' : readFileSync(page, 'utf8');
  const stated = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(html)?.[1];
  return [...(stated === undefined ? [] : [stated]), "frame-ancestors 'none'"].join('; ');
}

/**
 * Whether a request names this server as itself. A name that someone else's domain server points at this machine (DNS
 * rebinding) would make that someone's page one of ours.
 * @param {string | undefined} host the header `Host`
 * @param {number | undefined} port
 */
function isOwnHost(host, port) {
  return ['127.0.0.1', 'localhost', '[::1]'].some(
    (name) => host === `${name}:${port}` || (port === 80 && host === name),
  );
}

/**
 * A mounted folder answers for what is in it, a mounted file for itself alone.
 * @param {string} target
 * @param {string} asked
 * @param {string} mount
 */
function resolveMounted(target, asked, mount) {
  const isFile = statSync(target, { throwIfNoEntry: false })?.isFile() ?? false;
  if (isFile) return asked === mount ? realpathSync(target) : null;
  return resolveInside(target, asked.slice(mount.length - 1));
}

/**
 * Serves a folder on 127.0.0.1, on `port` or the next free one (0: any). `mounts` puts further folders under a path
 * such as `/model/`, and single files under a path such as `/survey/pack.zip`.
 * @param {{ folder: string, port: number, mounts?: Readonly<Record<string, string>> | undefined }} options
 * @returns {Promise<{ url: string, port: number, close(): Promise<void> }>}
 */
export async function serveFolder({ folder, port, mounts = {} }) {
  const server = createServer((request, response) => {
    if (!isOwnHost(request.headers.host, request.socket.localPort)) {
      return void response
        .writeHead(421, { 'Content-Type': 'text/plain; charset=utf-8' })
        .end('Not this server\n');
    }
    response.setHeader('Content-Security-Policy', policyOf(folder));
    response.setHeader('X-Frame-Options', 'DENY');
    for (const [name, value] of Object.entries(ISOLATION)) response.setHeader(name, value);
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    }
    const asked = (request.url ?? '/').split(/[?#]/)[0] ?? '/';
    const mount = Object.keys(mounts).find((prefix) => asked.startsWith(prefix));
    const path = mount ? resolveMounted(mounts[mount] ?? folder, asked, mount) : resolveInside(folder, asked);
    if (path) sendFile(request, response, path);
    else response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Not found\n');
  });
  const used = await listen(server, port);
  return {
    url: `http://127.0.0.1:${used}/`,
    port: used,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/**
 * @param {import('node:http').Server} server
 * @param {number} firstPort
 * @returns {Promise<number>}
 */
async function listen(server, firstPort) {
  const lastPort = firstPort === 0 ? 0 : firstPort + 50;
  for (let port = firstPort; port <= lastPort; port++) {
    const error = await new Promise((settle) => {
      server.once('error', settle);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', settle);
        settle(null);
      });
    });
    if (!error) return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error;
  }
  throw new Error(`No free port between ${firstPort} and ${lastPort}.`);
}

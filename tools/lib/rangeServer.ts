// A file server as model hubs are: any origin may read, files come in ranges with an ETag; and, on request, misbehaving.

import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { parseRange, resolveInside } from './staticServer.mjs';

/** How requests for some files go wrong. All of it can be changed while the server runs. */
export type Misbehavior = {
  /** Cuts the connection after so many bytes of a body, this many `times` (default: always). */
  readonly cutAfterBytes?: number;
  readonly times?: number;
  /** Ends the body after so many bytes as if that were all. */
  readonly shortBodyBytes?: number;
  /** Answers every request with the whole file. */
  readonly ignoreRange?: boolean;
  /** Answers for the rest of a file as if with what was asked for, but from the first byte on, and without telling. */
  readonly wrongRange?: boolean;
  /** Answers with this status and no file, e.g. 403 or 503. */
  readonly status?: number;
  /** Sends this ETag; null sends none. */
  readonly etag?: string | null;
  /** Sends this `Link` header. */
  readonly link?: string;
  /** Bytes a second. */
  readonly bytesPerSecond?: number;
  /** Sends readers to this address, with the path and query of the request. */
  readonly redirectTo?: string;
  /** Answers as 403 unless this bearer token comes along. */
  readonly token?: string;
};

export type SeenRequest = {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
  readonly status: number;
};

/** Files to serve: by URL path, from memory or from disk. */
type ServedFiles = ReadonlyMap<string, Uint8Array> | { readonly folder: string };

export type RangeServer = {
  /** Ends in '/'. */
  readonly url: string;
  /** Everything that was asked, in order. */
  readonly requests: readonly SeenRequest[];
  /** Replaces how one path (`/unet/config.json`), or with `*` every other path, goes wrong; null: it goes right. */
  misbehave(path: string, behavior: Misbehavior | null): void;
  close(): Promise<void>;
};

/** Serves files on 127.0.0.1 at a free port, or at `port`. */
export async function serveRanges(files: ServedFiles, { port = 0 } = {}): Promise<RangeServer> {
  const behaviors = new Map<string, { rule: Misbehavior; left: number }>();
  const requests: SeenRequest[] = [];

  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/');
    const entry = behaviors.get(path) ?? behaviors.get('*');
    const misbehaves = entry !== undefined && entry.left > 0;
    const seen = {
      method: request.method ?? '',
      path,
      range: request.headers.range ?? null,
      authorization: request.headers.authorization ?? null,
    };
    requests.push({
      ...seen,
      get status() {
        return response.statusCode;
      },
    });
    allowAnyOrigin(response);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    const onCut = (): void => {
      if (entry !== undefined) entry.left--;
    };
    void answer(request, response, { path, rule: misbehaves ? entry.rule : {}, onCut });
  });

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    { path, rule, onCut }: { path: string; rule: Misbehavior; onCut: () => void },
  ): Promise<void> => {
    if (rule.redirectTo !== undefined) {
      const location = new URL(request.url ?? '/', rule.redirectTo).href;
      return void response.writeHead(302, { Location: location }).end();
    }
    const refused = rule.token !== undefined && request.headers.authorization !== `Bearer ${rule.token}`;
    const status = refused ? 403 : rule.status;
    if (status !== undefined) {
      onCut();
      return void response.writeHead(status).end();
    }
    const file = open(files, path);
    if (file === null) return void response.writeHead(404).end();
    const etag = rule.etag === undefined ? file.etag : rule.etag;
    if (etag !== null) response.setHeader('ETag', etag);
    if (rule.link !== undefined) response.setHeader('Link', rule.link);
    const ifRange = request.headers['if-range'];
    const asked =
      rule.ignoreRange || (ifRange !== undefined && ifRange !== etag) ? undefined : request.headers.range;
    const range = parseRange(asked, file.sizeBytes);
    if (range === 'unsatisfiable') {
      return void response.writeHead(416, { 'Content-Range': `bytes */${file.sizeBytes}` }).end();
    }
    const whole = { start: 0, end: file.sizeBytes - 1 };
    const isWrong = rule.wrongRange === true && range !== null && range.start > 0;
    const { start, end } = isWrong ? whole : (range ?? whole);
    const length = end - start + 1;
    const cut = rule.cutAfterBytes !== undefined && rule.cutAfterBytes < length ? rule.cutAfterBytes : null;
    const short =
      rule.shortBodyBytes !== undefined && rule.shortBodyBytes < length ? rule.shortBodyBytes : null;
    response.writeHead(range ? 206 : 200, {
      'Content-Type': 'application/octet-stream',
      // A body that ends early can only pass for whole where its length was not told.
      ...(short === null && !isWrong ? { 'Content-Length': length } : {}),
      ...(range && !isWrong ? { 'Content-Range': `bytes ${start}-${end}/${file.sizeBytes}` } : {}),
    });
    if (request.method === 'HEAD' || length === 0) return void response.end();
    if (cut === null && short === null && rule.bytesPerSecond === undefined) {
      return void pipeline(file.read(start, end), response, () => {
        // A reader that goes away is no error of ours, and pipeline has closed both ends.
      });
    }
    const last = start + (cut ?? short ?? length) - 1;
    if (last >= start) await send(file.read(start, last), response, rule.bytesPerSecond);
    if (cut === null) return void response.end();
    onCut();
    // What was sent has to arrive first: a reset throws away what is still on its way.
    await wait(CUT_DELAY_MS);
    response.destroy();
  };

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    misbehave: (path, behavior) => {
      if (behavior === null) behaviors.delete(path);
      else behaviors.set(path, { rule: behavior, left: behavior.times ?? Number.POSITIVE_INFINITY });
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

type OpenFile = {
  readonly sizeBytes: number;
  readonly etag: string;
  /** Bytes `start` to `end`, both included. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
};

function open(files: ServedFiles, path: string): OpenFile | null {
  if ('folder' in files) {
    const found = resolveInside(files.folder, path);
    if (found === null) return null;
    const { size, mtimeMs } = statSync(found);
    return {
      sizeBytes: size,
      etag: `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`,
      read: (start, end) => createReadStream(found, { start, end }),
    };
  }
  const bytes = files.get(path);
  if (bytes === undefined) return null;
  return {
    sizeBytes: bytes.byteLength,
    etag: `"${bytes.byteLength.toString(36)}"`,
    read: (start, end) => pieces(bytes.subarray(start, end + 1)),
  };
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
const PIECE_BYTES = 2 ** 16;
const CUT_DELAY_MS = 50;

async function send(
  body: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  bytesPerSecond: number | undefined,
): Promise<void> {
  for await (const piece of body) {
    if (response.destroyed) return;
    await new Promise<void>((written) => response.write(piece, () => written()));
    if (bytesPerSecond !== undefined) await wait((piece.byteLength / bytesPerSecond) * 1000);
  }
}

function allowAnyOrigin(response: ServerResponse): void {
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader('Access-Control-Allow-Headers', 'Authorization, Range');
  response.setHeader('Access-Control-Expose-Headers', 'ETag, Content-Range, Content-Length');
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('Cache-Control', 'no-store');
}

import { StudioError } from './errors.ts';

/**
 * Random access to bytes that may be on disk, in memory or on a server. Readers of large formats ask
 * for the ranges they need, so a file of several GB never has to be in memory at once.
 */
export interface ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`; the result may share memory with the source: do not write to it. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bytes already in memory; reads are views, not copies. */
export function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    sizeBytes: bytes.byteLength,
    read: async (offset, length) => {
      assertRange(name, bytes.byteLength, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** A dropped file or any other Blob; each read loads its range only. */
export function blobSource(blob: Blob, name: string): ByteSource {
  return {
    name,
    sizeBytes: blob.size,
    read: async (offset, length) => {
      assertRange(name, blob.size, offset, length);
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        throw new StudioError('file-unreadable', `${name} can no longer be read.`, {
          remedy: 'The file was changed, moved or removed after it was chosen. Choose it again.',
          where: name,
          cause,
        });
      }
    },
  };
}

type UrlSourceOptions = {
  /** Replaces the global `fetch`, e.g. to add a token. */
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  /** Most bytes that are kept in memory for a server without ranges; default any number. */
  readonly maxWholeBytes?: number;
};

/**
 * A file on a server, read by HTTP range requests (RFC 9110, section 14).
 *
 * The probe is a GET of one byte, since signed CDN links often refuse HEAD. A server that ignores
 * `Range`, or hides `Content-Range` from scripts, gets one whole GET and is then served from memory.
 * @throws StudioError `url-unreachable`, `url-not-found`, `url-forbidden`, `url-failed`, `url-changed`, `url-no-ranges`
 */
export async function urlSource(url: string, options: UrlSourceOptions = {}): Promise<ByteSource> {
  const name = nameOfUrl(url);
  const probe = await get(url, 'bytes=0-0', options);
  if (probe.status === 200) return bytesSource(await wholeOf(url, probe, options), name);
  const total = totalSize(probe);
  await probe.body?.cancel();
  if (total === undefined) {
    return bytesSource(await wholeOf(url, await get(url, undefined, options), options), name);
  }
  return {
    name,
    sizeBytes: total,
    read: async (offset, length) => {
      assertRange(name, total, offset, length);
      if (length === 0) return new Uint8Array(0);
      const response = await get(url, `bytes=${offset}-${offset + length - 1}`, options);
      const bytes = await brokenOff(url, options, () => exactly(response, length));
      if (response.status !== 206 || totalSize(response) !== total || bytes === null) {
        throw new StudioError('url-changed', `${url} answered a part of the file with something else.`, {
          remedy: 'The file may have changed on the server. Load it again.',
          where: `bytes ${offset} to ${offset + length}`,
        });
      }
      return bytes;
    },
  };
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

/** @throws StudioError `bytes-out-of-range` unless the range lies inside a source of `sizeBytes` */
export function assertRange(name: string, sizeBytes: number, offset: number, length: number): void {
  const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (inside && offset + length <= sizeBytes) return;
  throw new StudioError('bytes-out-of-range', `${name} ends before the data that was expected in it.`, {
    remedy: 'The file is cut short or damaged. Download it again.',
    where: `bytes ${offset} to ${offset + length} of ${sizeBytes}`,
  });
}

/** The file name in a URL's path, or its host when the path names none. */
function nameOfUrl(url: string): string {
  if (!URL.canParse(url)) return url.split('/').at(-1) || url;
  const { pathname, host } = new URL(url);
  return pathname.split('/').at(-1) || host;
}

/** The number after the slash of `Content-Range: bytes 0-0/1234`; undefined if hidden or unknown. */
function totalSize(response: Response): number | undefined {
  const match = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  const total = Number(match?.[1] ?? Number.NaN);
  return Number.isSafeInteger(total) ? total : undefined;
}

async function get(url: string, range: string | undefined, options: UrlSourceOptions): Promise<Response> {
  const send = options.fetch ?? fetch;
  let response: Response;
  try {
    response = await send(url, {
      headers: range === undefined ? {} : { Range: range },
      referrerPolicy: 'no-referrer',
      signal: options.signal ?? null,
    });
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new StudioError('url-unreachable', `${url} could not be reached.`, {
      remedy:
        'Check the address and the connection. If both are right, the server does not allow other pages to read ' +
        'it (CORS): download the file and drop it here.',
      where: url,
      cause,
    });
  }
  const emptyFile = response.status === 416 && totalSize(response) === 0;
  if (response.status === 200 || response.status === 206 || emptyFile) return response;
  await response.body?.cancel();
  throw statusError(url, response.status);
}

function statusError(url: string, status: number): StudioError {
  if (status === 404 || status === 410) {
    return new StudioError('url-not-found', `There is no file at ${url}.`, {
      remedy: 'Check the address: spelling, branch and folder.',
      where: url,
    });
  }
  if (status === 401 || status === 403) {
    return new StudioError('url-forbidden', `The server refuses to hand out ${url} (status ${status}).`, {
      remedy:
        'The file may need a login or an accepted license. Download it in its own page and drop it here.',
      where: url,
    });
  }
  return new StudioError('url-failed', `The server answered ${url} with status ${status}.`, {
    remedy: 'Try again later, or download the file and drop it here.',
    where: url,
  });
}

/** The body of a file that has to be taken as a whole, if it is not too large for that. */
async function wholeOf(url: string, response: Response, options: UrlSourceOptions): Promise<Uint8Array> {
  const { maxWholeBytes = Number.POSITIVE_INFINITY } = options;
  const size = Number(response.headers.get('content-length') ?? 0);
  const bytes =
    size > maxWholeBytes ? null : await brokenOff(url, options, () => atMost(response, maxWholeBytes));
  if (bytes !== null) return bytes;
  if (!response.bodyUsed) await response.body?.cancel();
  throw new StudioError('url-no-ranges', `${url} can only be read as a whole, and is too large for that.`, {
    remedy:
      'Download the file and drop it here, or choose another server. A model can be downloaded into the studio, which stores it piece by piece.',
    where: url,
  });
}

/** The whole body; null if it has more bytes, of which no more are read than tell. */
async function atMost(response: Response, maxBytes: number): Promise<Uint8Array | null> {
  if (!Number.isFinite(maxBytes)) return new Uint8Array(await response.arrayBuffer());
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of piecesOf(response)) {
    sizeBytes += piece.byteLength;
    if (sizeBytes > maxBytes) return null;
    parts.push(piece);
  }
  return concatBytes(parts);
}

/** The whole body, which is to have so many bytes; null if it does not. */
async function exactly(response: Response, length: number): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(length);
  let sizeBytes = 0;
  for await (const piece of piecesOf(response)) {
    if (sizeBytes + piece.byteLength > length) return null;
    bytes.set(piece, sizeBytes);
    sizeBytes += piece.byteLength;
  }
  return sizeBytes === length ? bytes : null;
}

/** The body as it arrives; leaving the loop ends the transfer. */
async function* piecesOf({ body }: Response): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  if (reader === undefined) return;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}

async function brokenOff<T>(url: string, options: UrlSourceOptions, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new StudioError('url-failed', `The download of ${url} broke off.`, {
      remedy: 'Try again; if the file is larger than 2 GB, download it and drop it here.',
      where: url,
      cause,
    });
  }
}

/**
 * One file from a server into the private file system, through whatever happens to the connection (RFC 9110, sections
 * 13 and 14). Bytes are written as they come, so that what has arrived survives a crash, and memory holds a piece.
 */
import { StudioError } from '../../lib/errors.ts';
import { guardStorage } from '../failure.ts';
import { fileHandle } from '../opfs.ts';
import { openForWriting, writeAll } from '../syncFile.ts';
import {
  type Access,
  pause,
  request,
  STALL_MS,
  type Stall,
  shown,
  TemporaryFailure,
  totalBytes,
  unlessSilent,
  validatorOf,
} from './http.ts';

export type RemoteFile = {
  /** In the model's folder. */
  readonly path: string;
  readonly url: string;
  /** Null where the server does not tell. */
  readonly sizeBytes: number | null;
  /** In hexadecimal; null where the source gives none. */
  readonly sha256: string | null;
  /** What a listing calls this content; null where there is no listing. */
  readonly version: string | null;
};

type FetchOptions = {
  readonly access: Access;
  /** ETag or date of the bytes that are there already. */
  readonly validator: string | null;
  /** Called before the first byte of another version is written. */
  readonly onVersion: (version: { validator: string | null; sizeBytes: number | null }) => Promise<void>;
  /** Bytes of the file that are stored now: fewer than before after a start from the beginning. */
  readonly onBytes: (stored: number) => void;
  readonly onNote: (note: string) => void;
  readonly patience?: Patience;
};

/** How long and how often to wait for a server. */
export type Patience = {
  /** Waits between attempts that brought nothing new; after the last one the download fails. */
  readonly waitsMs: readonly number[];
  /** A connection that brings nothing for so long counts as dropped. */
  readonly stallMs: number;
};
const PATIENCE: Patience = { waitsMs: [1000, 2000, 4000, 8000, 16_000], stallMs: STALL_MS };

/** How often a file may change under way before its server is given up. */
const MAX_CHANGES = 3;
/** Bytes after which the system is asked to put them on the disk. */
const FLUSH_BYTES = 64 * 2 ** 20;

/**
 * Completes the file at `target`, going on from the bytes that are there.
 * @returns bytes of the complete file
 * @throws StudioError `download-interrupted` when the server stays away, `url-*` when it refuses, `storage-*`; the
 * reason of the signal. What has arrived is kept.
 */
export async function fetchFile(file: RemoteFile, target: string, options: FetchOptions): Promise<number> {
  const handle = await guardStorage(target, async () => openForWriting(await fileHandle(target)));
  try {
    return await persist(file, new Sink(handle, target, options.onBytes), options);
  } finally {
    handle.close();
  }
}

async function persist(file: RemoteFile, sink: Sink, options: FetchOptions): Promise<number> {
  const { access, onNote, patience = PATIENCE } = options;
  const version = { validator: options.validator, sizeBytes: file.sizeBytes };
  let farthest = sink.size;
  let failures = 0;
  let changes = 0;
  for (;;) {
    try {
      if (await attempt(file, sink, version, options)) return sink.size;
      if (++changes > MAX_CHANGES) throw changed(file, version.sizeBytes);
    } catch (error) {
      access.signal.throwIfAborted();
      if (!(error instanceof TemporaryFailure)) throw error;
      failures = sink.size > farthest ? 1 : failures + 1;
      farthest = Math.max(farthest, sink.size);
      const waitMs = patience.waitsMs[failures - 1];
      if (waitMs === undefined) throw interrupted(file, sink.size, version.sizeBytes, error.report);
      onNote(`${error.report.message} Trying again in ${Math.ceil(waitMs / 1000)} s.`);
      await pause(waitMs, access.signal);
    }
  }
}

type Version = { validator: string | null; sizeBytes: number | null };

/** One request; true when the file is complete, false when it has to start anew. */
async function attempt(
  file: RemoteFile,
  sink: Sink,
  version: Version,
  options: FetchOptions,
): Promise<boolean> {
  if (version.sizeBytes !== null && sink.size > version.sizeBytes) sink.clear();
  if (sink.size === version.sizeBytes) return true;
  const { stallMs } = options.patience ?? PATIENCE;
  const done = await unlessSilent(file.url, { ...options.access, stallMs }, (access, stall) =>
    requestRest(file, sink, version, { ...options, access }, stall),
  );
  if (done && version.sizeBytes !== null && sink.size < version.sizeBytes)
    throw new TemporaryFailure(endedEarly(file));
  return done;
}

async function requestRest(
  file: RemoteFile,
  sink: Sink,
  version: Version,
  options: FetchOptions,
  stall: Stall,
): Promise<boolean> {
  const start = sink.size;
  const response = await request(file.url, options.access, start > 0 ? { start } : undefined);
  const total = response.status === 200 ? wholeSize(response, file) : totalBytes(response);
  const found = { validator: validatorOf(response), sizeBytes: total ?? version.sizeBytes };
  if (isOther(file, version, found)) {
    if (file.sha256 !== null) throw changed(file, total);
    if (start > 0) options.onNote('The file has changed on the server and is fetched from the start.');
    await response.body?.cancel();
    sink.clear();
    Object.assign(version, found);
    await options.onVersion(found);
    return false;
  }
  if (response.status === 416) {
    await response.body?.cancel();
    if (total === start) return true;
    sink.clear();
    throw new TemporaryFailure(refusedRange(file));
  }
  if (response.status === 206 && isOtherRange(response, start, version.sizeBytes)) {
    await response.body?.cancel();
    throw new TemporaryFailure(refusedRange(file));
  }
  if (response.status === 200 && start > 0) {
    options.onNote('The server only sends whole files: this one starts again.');
    sink.clear();
  }
  if (start === 0 || found.sizeBytes !== version.sizeBytes || version.validator === null) {
    Object.assign(version, { ...found, validator: found.validator ?? version.validator });
    await options.onVersion(version);
  }
  await drain(response, sink, version.sizeBytes, stall, file);
  return true;
}

/** True if the server's file is now another one than that which the stored bytes, or a known hash, belong to. */
function isOther(file: RemoteFile, known: Version, found: Version): boolean {
  if (known.sizeBytes !== null && found.sizeBytes !== null && known.sizeBytes !== found.sizeBytes)
    return true;
  // With a hash the bytes themselves are compared in the end: mirrors of a file may have other ETags.
  if (file.sha256 !== null) return false;
  return known.validator !== null && found.validator !== null && known.validator !== found.validator;
}

/** Whether a partial answer begins elsewhere; where the server hides the place, its length has to be that of the rest. */
function isOtherRange(response: Response, start: number, total: number | null): boolean {
  const match = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
  if (match !== null) return Number(match[1]) !== start;
  const length = response.headers.get('content-length');
  return length !== null && total !== null && Number(length) !== total - start;
}

/** Size of a whole answer. Texts may be compressed on the way, then this header is about the compressed bytes. */
function wholeSize(response: Response, file: RemoteFile): number | null {
  const length = response.headers.get('content-length');
  return length !== null && file.path.endsWith('.safetensors') ? Number(length) : null;
}

async function drain(
  response: Response,
  sink: Sink,
  total: number | null,
  stall: Stall,
  file: RemoteFile,
): Promise<void> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const start = response.status === 206 ? sink.size : 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        stall.signal.throwIfAborted();
        throw new TemporaryFailure(endedEarly(file, cause));
      });
      if (done) return;
      stall.reset();
      if (total !== null && sink.size + value.byteLength > total) {
        // Not what was asked for, from its first byte on.
        sink.cut(start);
        throw changed(file, null);
      }
      await sink.write(value);
    }
  } finally {
    // Ends the connection if it has not ended yet; there is nobody to tell of a failure.
    await reader.cancel().catch(() => undefined);
    sink.flush();
  }
}

/** The file that is being written. */
class Sink {
  readonly #handle: FileSystemSyncAccessHandle;
  readonly #path: string;
  readonly #onBytes: (stored: number) => void;
  #unflushed = 0;
  size: number;

  constructor(handle: FileSystemSyncAccessHandle, path: string, onBytes: (stored: number) => void) {
    this.#handle = handle;
    this.#path = path;
    this.#onBytes = onBytes;
    this.size = handle.getSize();
  }

  async write(bytes: Uint8Array): Promise<void> {
    await guardStorage(this.#path, async () => writeAll(this.#handle, bytes, this.size));
    this.size += bytes.byteLength;
    this.#unflushed += bytes.byteLength;
    if (this.#unflushed >= FLUSH_BYTES) this.flush();
    this.#onBytes(this.size);
  }

  flush(): void {
    this.#handle.flush();
    this.#unflushed = 0;
  }

  clear(): void {
    this.cut(0);
  }

  cut(size: number): void {
    this.#handle.truncate(size);
    this.size = size;
    this.#onBytes(size);
  }
}

function interrupted(file: RemoteFile, stored: number, total: number | null, last: StudioError): StudioError {
  const part = total === null ? `${stored} bytes` : `${stored} of ${total} bytes`;
  return new StudioError(
    'download-interrupted',
    `The download of ${file.path} broke off. ${last.message} ${part} are stored and kept.`,
    {
      remedy: `Start the download again to continue from there. ${last.remedy}`,
      where: shown(file.url),
      cause: last,
    },
  );
}

function endedEarly(file: RemoteFile, cause?: unknown): StudioError {
  return temporary(file, 'url-failed', `The connection to ${new URL(file.url).host} was lost.`, cause);
}

function refusedRange(file: RemoteFile): StudioError {
  return temporary(file, 'url-failed', `${new URL(file.url).host} does not have the rest of ${file.path}.`);
}

function temporary(file: RemoteFile, code: string, message: string, cause?: unknown): StudioError {
  const remedy = 'If it happens again and again, download the files elsewhere and drop them here.';
  return new StudioError(code, message, { remedy, where: shown(file.url), cause });
}

function changed(file: RemoteFile, total: number | null): StudioError {
  const size = total === null ? 'more bytes than it should' : `${total} bytes instead of ${file.sizeBytes}`;
  return new StudioError('download-changed', `The server sends ${size} for ${file.path}.`, {
    remedy: 'The file may be changing right now. Start the download again.',
    where: shown(file.url),
  });
}

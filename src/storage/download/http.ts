/** Requests of downloads: what may be sent where, and which failures are worth another try. */
import { StudioError } from '../../lib/errors.ts';

/** What a download needs to ask for something. The token is never part of anything that is stored or thrown. */
export type Access = {
  readonly token: string | null;
  /** The only origin that the token is sent to. */
  readonly tokenOrigin: string | null;
  /** Waits before a small request that a busy server did not answer is sent again; a few seconds by default. */
  readonly waitsMs?: readonly number[];
  /** How long a connection may bring nothing; a minute by default. */
  readonly stallMs?: number;
  readonly signal: AbortSignal;
};

const WAITS_MS: readonly number[] = [1000, 3000];
export const STALL_MS = 60_000;

/** A failure that may pass: a dropped connection, a busy server. */
export class TemporaryFailure extends Error {
  readonly report: StudioError;

  constructor(report: StudioError) {
    super(report.message);
    this.report = report;
  }
}

/**
 * Fetches an address, or the rest of it from `start` on; `end` is included.
 *
 * `Range` in this form is safelisted: the request needs no permission beforehand (CORS preflight), which servers of
 * large files often do not know. `If-Range` would need one; comparing the ETag of the answer does the same.
 * Where the answer is a redirect to another origin, browsers take the `Authorization` header away first (Fetch
 * standard, "HTTP-redirect fetch").
 *
 * @returns an answer with status 200, 206 or 416
 * @throws StudioError `url-not-found`, `url-forbidden` or `url-failed`; `TemporaryFailure`; the reason of the signal
 */
export async function request(
  url: string,
  access: Access,
  range?: { readonly start: number; readonly end?: number },
): Promise<Response> {
  const headers = new Headers();
  if (range !== undefined) headers.set('Range', `bytes=${range.start}-${range.end ?? ''}`);
  const mayHaveToken = access.token !== null && new URL(url).origin === access.tokenOrigin;
  if (mayHaveToken) headers.set('Authorization', `Bearer ${checkToken(access.token ?? '')}`);
  let response: Response;
  try {
    response = await fetch(url, {
      headers,
      signal: access.signal,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      // The page keeps the files itself; a copy in the browser's cache would take the same room again.
      cache: 'no-store',
    });
  } catch (cause) {
    access.signal.throwIfAborted();
    throw new TemporaryFailure(unreachable(url, cause));
  }
  if ([200, 206, 416].includes(response.status)) return response;
  await response.body?.cancel();
  throw statusError(url, response.status, mayHaveToken);
}

/** Checked here: the error of an unfit header may repeat what it was given. @throws StudioError `token-invalid` */
function checkToken(token: string): string {
  if (/^[\x21-\x7e]{1,1000}$/.test(token)) return token;
  throw new StudioError('token-invalid', 'The access token has characters that no token has.', {
    remedy:
      'Copy it again from the settings of your account: letters, digits and underscores, without spaces.',
  });
}

/** Asks again while a server is busy or away. @throws as `ask`, in the end */
export async function askPatiently<T>(access: Access, ask: () => Promise<T>): Promise<T> {
  for (const waitMs of access.waitsMs ?? WAITS_MS) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof TemporaryFailure)) throw error;
    }
    await pause(waitMs, access.signal);
  }
  return ask();
}

/** @throws the reason of the signal */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Work with a connection that may fall silent.
 * @throws `TemporaryFailure` where it does, and as `work`
 */
export async function unlessSilent<T>(
  url: string,
  access: Access,
  work: (access: Access, stall: Stall) => Promise<T>,
): Promise<T> {
  const stall = new Stall(access.signal, access.stallMs ?? STALL_MS);
  try {
    return await work({ ...access, signal: stall.signal }, stall);
  } catch (error) {
    throw stall.stalled && !access.signal.aborted ? stall.failure(url) : error;
  } finally {
    stall.end();
  }
}

/** Text of a small file. @throws as `request`, and StudioError `url-failed` if it is longer than `maxBytes` */
export function requestText(url: string, access: Access, maxBytes = 16e6): Promise<[string, Headers]> {
  return askPatiently(access, () =>
    unlessSilent(url, access, (open, stall) => requestTextOnce(url, open, maxBytes, stall)),
  );
}

async function requestTextOnce(
  url: string,
  access: Access,
  maxBytes: number,
  stall: Stall,
): Promise<[string, Headers]> {
  const response = await request(url, access);
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) return [text + decoder.decode(), response.headers];
      stall.reset();
      bytes += value.byteLength;
      if (bytes > maxBytes) break;
      text += decoder.decode(value, { stream: true });
    }
  } catch (cause) {
    access.signal.throwIfAborted();
    throw new TemporaryFailure(unreachable(url, cause));
  }
  await reader?.cancel();
  throw new StudioError('url-failed', `${shown(url)} is larger than such a file can be.`, {
    remedy: 'Check the address.',
    where: shown(url),
  });
}

/** An address as it may be shown: without its query, which may be a signature. */
export function shown(url: string): string {
  return url.replace(/[?#].*$/, '');
}

/** Total size by `Content-Range: bytes 0-0/1234`; null if it is hidden or unknown. */
export function totalBytes(response: Response): number | null {
  const match = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  return match === null ? null : Number(match[1]);
}

/** What changes when the file on the server changes; null if the server tells nothing of the kind. */
export function validatorOf(response: Response): string | null {
  return response.headers.get('etag') ?? response.headers.get('last-modified');
}

/** Ends a request that brings nothing for a while. `reset` whenever it has brought something. */
export class Stall {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout>;
  stalled = false;

  constructor(outer: AbortSignal, ms: number) {
    this.#outer = outer;
    this.#ms = ms;
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return AbortSignal.any([this.#outer, this.#controller.signal]);
  }

  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.stalled = true;
      this.#controller.abort();
    }, this.#ms);
  }

  /** What to say of a request that it has ended. */
  failure(url: string): TemporaryFailure {
    return new TemporaryFailure(
      new StudioError('url-failed', `${new URL(url).host} has stopped sending.`, {
        remedy: 'If it happens again and again, download the files elsewhere and drop them here.',
        where: shown(url),
      }),
    );
  }
}

function unreachable(url: string, cause: unknown): StudioError {
  return new StudioError('url-unreachable', `${new URL(url).host} could not be reached.`, {
    remedy:
      'Check the address and the connection. If both are right, the server does not allow other pages to read it ' +
      '(CORS): download the files and drop them here.',
    where: shown(url),
    cause,
  });
}

function statusError(url: string, status: number, hadToken: boolean): StudioError | TemporaryFailure {
  const where = shown(url);
  if (status === 404 || status === 410) {
    return new StudioError('url-not-found', `There is no file at ${where}.`, {
      remedy: 'Check the address: spelling, branch and folder.',
      where,
    });
  }
  if (status === 401 || status === 403) {
    return new StudioError('url-forbidden', `The server refuses to hand out ${where} (status ${status}).`, {
      remedy: hadToken
        ? 'The token does not open this model: accept its license on its page, with the account that the token belongs to, or take a token that may read it.'
        : 'The model does not exist, or its owner wants to know who reads it: accept its license on its page and give a token of your account here. A file that was downloaded elsewhere can also be dropped here.',
      where,
    });
  }
  const error = new StudioError('url-failed', `The server answered ${where} with status ${status}.`, {
    remedy: 'Try again later, or download the files and drop them here.',
    where,
  });
  return status === 408 || status === 429 || status >= 500 ? new TemporaryFailure(error) : error;
}

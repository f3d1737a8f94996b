// Servers that misbehave, for tests in the browser: these functions run in the test runner's process.
import type { BrowserCommand } from 'vitest/node';
import {
  type Misbehavior,
  type RangeServer,
  type SeenRequest,
  serveRanges,
} from '../../tools/lib/rangeServer.ts';

const servers = new Map<string, { server: RangeServer; files: Map<string, Uint8Array> }>();

/** Starts a server with files by path, in base64; gives its address. */
const startRanges: BrowserCommand<[files: Readonly<Record<string, string>>]> = async (_, encoded) => {
  const files = new Map<string, Uint8Array>();
  const server = await serveRanges(files);
  for (const [path, text] of Object.entries(encoded)) files.set(path, Buffer.from(text, 'base64'));
  servers.set(server.url, { server, files });
  return server.url;
};

const putRange: BrowserCommand<[url: string, path: string, content: string | null]> = (
  _,
  url,
  path,
  content,
) => {
  const { files } = find(url);
  if (content === null) files.delete(path);
  else files.set(path, Buffer.from(content, 'base64'));
};

const misbehave: BrowserCommand<[url: string, path: string, behavior: Misbehavior | null]> = (
  _,
  url,
  path,
  behavior,
) => find(url).server.misbehave(path, behavior);

const seenRequests: BrowserCommand<[url: string]> = (_, url) => [...find(url).server.requests];

const stopRanges: BrowserCommand<[]> = async () => {
  await Promise.all([...servers.values()].map(({ server }) => server.close()));
  servers.clear();
};

function find(url: string): { server: RangeServer; files: Map<string, Uint8Array> } {
  const found = servers.get(url);
  if (found === undefined) throw new Error(`no server at ${url}`);
  return found;
}

export const rangeCommands = { startRanges, putRange, misbehave, seenRequests, stopRanges };

declare module 'vitest/browser' {
  interface BrowserCommands {
    startRanges(files: Readonly<Record<string, string>>): Promise<string>;
    putRange(url: string, path: string, content: string | null): Promise<void>;
    misbehave(url: string, path: string, behavior: Misbehavior | null): Promise<void>;
    seenRequests(url: string): Promise<readonly SeenRequest[]>;
    stopRanges(): Promise<void>;
  }
}

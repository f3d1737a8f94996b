/**
 * What is done, in a work folder: one line of JSON per finished step, written at once and only ever appended, so that
 * a process can be killed at any moment and loses the steps at hand. Adapters are files of their own.
 */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { StudioError } from '../../src/lib/errors.ts';
import { fromBase64 } from './base64.ts';
import type { BaseModel } from './models.ts';
import type { PageResult, TrainResult } from './protocol.ts';

type Line = { readonly id: string; readonly seconds: number; readonly result: PageResult };

/** What a folder belongs to. Numbers of two models, or of two versions of the steps, do not mix. */
type Manifest = {
  readonly version: 1;
  /** Digest of the model's files and of all else that step ids do not name. */
  readonly model: string;
  /** Name of the design that was run last. */
  readonly design: string;
  /** Other base models that part 1 looks at; those of earlier runs are kept. */
  readonly bases?: readonly BaseModel[];
};

export type Store = {
  readonly adapterFolder: string;
  has(id: string): boolean;
  /** @throws Error when the step is not done */
  read<R extends PageResult>(id: string): R;
  find<R extends PageResult>(id: string): R | undefined;
  /** Worker seconds of a finished step. */
  secondsOf(id: string): number | undefined;
  /** Takes a result that came from a page. */
  add(id: string, result: PageResult, seconds: number): void;
  /** Worker seconds spent so far. */
  readonly seconds: number;
  readonly size: number;
};

/**
 * Opens a folder to work on; the caller holds its lock.
 * @throws StudioError `study-other-model` when the folder was filled with another model or other fixed settings
 */
export function openStore(folder: string, manifest: Manifest): Store {
  const known = readManifest(folder);
  if (known !== null && (known.model !== manifest.model || known.version !== manifest.version)) {
    throw new StudioError('study-other-model', `${folder} holds numbers of another model or another study.`, {
      remedy: 'Name another folder with --work, or delete this one.',
    });
  }
  const adapterFolder = join(folder, 'adapters');
  mkdirSync(adapterFolder, { recursive: true });
  const bases = [...(known?.bases ?? []), ...(manifest.bases ?? [])];
  const kept = { ...manifest, bases: [...new Map(bases.map((base) => [base.digest, base])).values()] };
  writeWhole(join(folder, 'manifest.json'), `${JSON.stringify(kept, null, 1)}\n`);
  const path = join(folder, 'records.jsonl');
  cutTornLine(path);
  return storeOf(path, adapterFolder);
}

/** Opens a folder only to look at it, also while another process works on it. */
export function readStore(folder: string): Store {
  return storeOf(join(folder, 'records.jsonl'), join(folder, 'adapters'));
}

function storeOf(path: string, adapterFolder: string): Store {
  const lines = new Map(readLines(path).map((line) => [line.id, line]));
  const find = <R extends PageResult>(id: string): R | undefined => lines.get(id)?.result as R | undefined;
  return {
    adapterFolder,
    has: (id) => lines.has(id),
    find,
    secondsOf: (id) => lines.get(id)?.seconds,
    read<R extends PageResult>(id: string): R {
      const result = find<R>(id);
      if (result === undefined) throw new Error(`The step ${id} is not done.`);
      return result;
    },
    add(id, result, seconds) {
      const kept = 'adapters' in result ? storeAdapters(adapterFolder, id, result) : result;
      const line: Line = { id, seconds: Math.round(seconds * 100) / 100, result: kept };
      appendFileSync(path, `${JSON.stringify(line)}\n`);
      lines.set(id, line);
    },
    get seconds() {
      return [...lines.values()].reduce((sum, line) => sum + line.seconds, 0);
    },
    get size() {
      return lines.size;
    },
  };
}

/** What the folder holds, or null for a new one. */
export function readManifest(folder: string): Manifest | null {
  const path = join(folder, 'manifest.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest) : null;
}

/** Takes the folder for this process. @throws StudioError `study-busy` while another one works on it */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'lock');
  const owner = existsSync(path) ? Number(readFileSync(path, 'utf8')) : null;
  if (owner !== null && owner !== process.pid && isAlive(owner)) {
    throw new StudioError('study-busy', `Process ${owner} is working on ${folder}.`, {
      remedy: 'Wait for it, end it, or name another folder with --work.',
    });
  }
  writeFileSync(path, String(process.pid));
  return () => rmSync(path, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Removes what a killed process left of its last line. */
function cutTornLine(path: string): void {
  if (!existsSync(path)) return;
  const bytes = readFileSync(path);
  const whole = bytes.lastIndexOf(NEWLINE) + 1;
  if (whole < bytes.length) truncateSync(path, whole);
}

/** The lines that were written whole. */
function readLines(path: string): Line[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  return bytes
    .subarray(0, bytes.lastIndexOf(NEWLINE) + 1)
    .toString('utf8')
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text) as Line);
}
const NEWLINE = 0x0a;

/** Replaces the files' contents by the names under which they are stored. */
function storeAdapters(folder: string, id: string, result: TrainResult): TrainResult {
  const adapters = result.adapters.map(({ step, file }) => {
    const name = `${createHash('sha256').update(`${id}@${step}`).digest('hex').slice(0, 24)}.safetensors`;
    writeWhole(join(folder, name), fromBase64(file));
    return { step, file: name };
  });
  return { ...result, adapters };
}

function writeWhole(path: string, content: Uint8Array | string): void {
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}

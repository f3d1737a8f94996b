/** Which bytes a model was read from, so that a run notices when its weights are no longer the ones it was begun with. */
import { StudioError } from '../lib/errors.ts';
import type { ModelFolder } from '../models/folder.ts';

/** SHA-256 by path below the model's folder. Large files that are not read in one piece are named with the version of the page, which decides the pieces. */
type Fingerprints = Readonly<Record<string, string>>;

type Read = { readonly offset: number; readonly length: number; readonly hash: Promise<string> };
type FileReads = { readonly sizeBytes: number; readonly reads: Map<string, Read> };

/**
 * Files up to this size are hashed as a whole, however little of them is read: that is how the folder of an address
 * fetches them.
 */
const WHOLE_BYTES = 32 * 2 ** 20;

/** A folder that keeps the hash of every piece that is read from it, or of whole files where they are small. */
export type FingerprintedFolder = ModelFolder & {
  /** Of the files that have been read by now. */
  fingerprints(): Promise<Fingerprints>;
};

export function fingerprinted(folder: ModelFolder, wholeBytes = WHOLE_BYTES): FingerprintedFolder {
  const files = new Map<string, FileReads>();
  const keep = (file: FileReads, offset: number, length: number, hash: Promise<string>): void => {
    // Nobody may ever ask for it.
    hash.catch(() => undefined);
    file.reads.set(`${offset}+${length}`, { offset, length, hash });
  };
  return {
    name: folder.name,
    open: async (...paths) => {
      const source = await folder.open(...paths);
      const { sizeBytes } = source;
      // Files from an address are named by the last part of their path, which several files of a model share.
      const path = paths.find((one) => lastPart(one) === lastPart(source.name)) ?? source.name;
      const file = files.get(path) ?? { sizeBytes, reads: new Map<string, Read>() };
      files.set(path, file);
      if (sizeBytes <= wholeBytes) {
        const bytes = (await source.read(0, sizeBytes)) as Uint8Array<ArrayBuffer>;
        keep(file, 0, sizeBytes, sha256(bytes));
        return source;
      }
      return {
        ...source,
        read: async (offset, length) => {
          const bytes = (await source.read(offset, length)) as Uint8Array<ArrayBuffer>;
          keep(file, offset, length, sha256(bytes));
          return bytes;
        },
      };
    },
    fingerprints: async () => {
      const found: Record<string, string> = {};
      for (const [name, { sizeBytes, reads }] of files) {
        const whole = reads.get(`0+${sizeBytes}`);
        if (whole !== undefined) found[name] = await whole.hash;
        else if (covers([...reads.values()], sizeBytes))
          found[`${name} ${__APP_VERSION__}`] = await combined([...reads.values()]);
      }
      return found;
    },
  };
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The path below the model's folder, and the version where there is one. */
const BELOW_FOLDER = /(?:^|\/)((?:unet|vae|text_encoder|tokenizer|scheduler)\/[^/]+|[^/]+)$/;

/** Hashes as runs kept them before paths left out the place of the model. */
export function withoutPlaces(fingerprints: Fingerprints): Fingerprints {
  return Object.fromEntries(
    Object.entries(fingerprints).map(([file, hash]) => [BELOW_FOLDER.exec(file)?.[1] ?? file, hash]),
  );
}

/** @throws StudioError `model-changed` naming a file that is another one now */
export function assertSameModel(model: string, begun: Fingerprints, found: Fingerprints): void {
  const kept = withoutPlaces(begun);
  const changed = Object.keys(kept).find((file) => found[file] !== undefined && found[file] !== kept[file]);
  if (changed === undefined) return;
  throw new StudioError(
    'model-changed',
    `The model ${model} is no longer the one that this run was begun with.`,
    {
      remedy:
        'If the model is stored here, check it on the Storage page: what is damaged is fetched again. If its owner has ' +
        'changed it, start a new run: images and training of two models do not belong together.',
      where: changed,
    },
  );
}

/**
 * True if nearly all has been read: some files have a last tensor that nobody reads, and of others only the header has
 * been read by now.
 */
function covers(reads: readonly Read[], sizeBytes: number): boolean {
  let end = 0;
  let bytes = 0;
  for (const { offset, length } of reads.toSorted((a, b) => a.offset - b.offset)) {
    const next = Math.max(end, offset + length);
    bytes += next - Math.max(end, offset);
    end = next;
  }
  return bytes >= 0.9 * sizeBytes;
}

async function combined(reads: readonly Read[]): Promise<string> {
  const ordered = reads.toSorted((a, b) => a.offset - b.offset || a.length - b.length);
  const lines = await Promise.all(
    ordered.map(async ({ offset, length, hash }) => `${offset} ${length} ${await hash}\n`),
  );
  return sha256(new TextEncoder().encode(lines.join('')) as Uint8Array<ArrayBuffer>);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

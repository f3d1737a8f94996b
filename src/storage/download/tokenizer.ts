/**
 * The vocabulary that single-file checkpoints come without. SD-1.x and SD-2.x share it (CLIP's byte pairs), so any such
 * model that is stored here has it; if there is none, the smallest known repository is asked.
 */
import { StudioError } from '../../lib/errors.ts';
import type { Hub } from '../../sources/hubs.ts';
import { listManifests } from '../manifest.ts';
import { modelSchema, type StoredModelFile } from '../modelManifest.ts';
import { UNKNOWN } from '../modelStore.ts';
import { readBytes, sizeOf, writeBytes } from '../opfs.ts';
import { requestText } from './http.ts';
import { placesOf } from './places.ts';
import { describePlace } from './remote.ts';

const TOKENIZER_PATHS = ['tokenizer/vocab.json', 'tokenizer/merges.txt'] as const;
/** Entries of CLIP's vocabulary; other models here, such as the shapes model's, have others. */
const VOCABULARY = 49408;

/**
 * Adds what is missing of the tokenizer to a checkpoint's folder.
 * @returns the files that were added
 * @throws StudioError `tokenizer-needed`, or the reason of the signal
 */
export async function completeTokenizer(
  folder: string,
  files: readonly { readonly path: string }[],
  signal: AbortSignal,
  hubs?: Readonly<Record<string, Hub>>,
): Promise<(StoredModelFile & { sizeBytes: number })[]> {
  if (TOKENIZER_PATHS.every((path) => files.some((file) => file.path === path))) return [];
  const texts = (await fromStored(folder)) ?? (await fromHub(signal, hubs));
  for (const [path, bytes] of texts) await writeBytes(`${folder}/${path}`, bytes);
  return [...texts].map(([path, { byteLength }]) => ({
    path,
    sizeBytes: byteLength,
    ...UNKNOWN,
  }));
}

type Texts = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

async function fromStored(folder: string): Promise<Texts | null> {
  for (const { id, complete } of await listManifests('model:', modelSchema)) {
    const other = `models/${id}`;
    if (!complete || other === folder || (await sizeOf(`${other}/${TOKENIZER_PATHS[0]}`)) === 0) continue;
    const texts = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const path of TOKENIZER_PATHS) {
      const bytes = await readBytes(`${other}/${path}`);
      if (bytes !== null) texts.set(path, bytes);
    }
    if (isClip(texts)) return texts;
  }
  return null;
}

async function fromHub(signal: AbortSignal, hubs?: Readonly<Record<string, Hub>>): Promise<Texts> {
  let last: unknown;
  // Public repositories: the user's token is nobody's business there.
  const open = { token: null, tokenOrigin: null, signal };
  for (const place of [
    ...placesOf({ kind: 'catalog', id: 'sd15' }, hubs),
    ...placesOf({ kind: 'catalog', id: 'sd21-base' }, hubs),
  ]) {
    try {
      const { files } = await describePlace(place, open);
      const texts = new Map<string, Uint8Array<ArrayBuffer>>();
      for (const path of TOKENIZER_PATHS) {
        const url = files.find((file) => file.path === path)?.url;
        if (url === undefined) continue;
        const [text] = await requestText(url, open);
        texts.set(path, new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>);
      }
      if (isClip(texts)) return texts;
    } catch (error) {
      signal.throwIfAborted();
      last = error;
    }
  }
  throw new StudioError('tokenizer-needed', 'A checkpoint has no vocabulary, and none could be fetched.', {
    remedy:
      'Put vocab.json and merges.txt of any Stable Diffusion 1.x or 2.x model (its tokenizer folder) beside the checkpoint and drop the three files together.',
    where: TOKENIZER_PATHS[0],
    cause: last,
  });
}

function isClip(texts: Texts): boolean {
  const vocabulary = texts.get(TOKENIZER_PATHS[0]);
  if (vocabulary === undefined || !texts.has(TOKENIZER_PATHS[1])) return false;
  try {
    return Object.keys(JSON.parse(new TextDecoder().decode(vocabulary))).length === VOCABULARY;
  } catch {
    return false;
  }
}

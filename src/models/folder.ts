import { type ByteSource, bytesSource, urlSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { decodePercent } from '../lib/webAddress.ts';

/** A model folder in diffusers layout, wherever it lies: paths such as `unet/config.json`, `/` as separator. */
export interface ModelFolder {
  readonly name: string;
  /** The first of the given paths that exists. @throws StudioError `model-file-missing` */
  open(...paths: readonly string[]): Promise<ByteSource>;
}

/** Text of a file in the folder. @throws StudioError `model-file-missing` or `model-file-large` */
export async function readText(
  folder: ModelFolder,
  path: string,
  maxBytes: number = MAX_TEXT_BYTES,
): Promise<string> {
  const source = await folder.open(path);
  if (source.sizeBytes > maxBytes) {
    throw new StudioError(
      'model-file-large',
      `${path} has ${source.sizeBytes} bytes, too many for a text file.`,
      {
        where: path,
        remedy: 'Check that the folder is a diffusers model.',
      },
    );
  }
  return new TextDecoder().decode(await source.read(0, source.sizeBytes));
}
/** The largest vocabulary has some 2 MB, the largest config 2 KB. */
const MAX_TEXT_BYTES = 64 * 2 ** 20;
const MAX_JSON_BYTES = 2 ** 20;

/** The same for a file that a folder may do without. */
export async function readTextIfThere(folder: ModelFolder, path: string): Promise<string | undefined> {
  try {
    return await readText(folder, path);
  } catch (error) {
    if (error instanceof StudioError && error.code === 'model-file-missing') return undefined;
    throw error;
  }
}

/** JSON of a config in the folder. @throws StudioError `config-invalid` naming the file, or as `readText` */
export async function readJson(folder: ModelFolder, path: string): Promise<unknown> {
  const text = await readText(folder, path, MAX_JSON_BYTES);
  return parseJson(
    text,
    (cause) =>
      new StudioError('config-invalid', `${path} is not valid JSON.`, {
        where: path,
        remedy: 'Get the file from the model’s source again.',
        cause,
      }),
  );
}

/** The error for a file that a diffusers folder must have. */
export function missingFile(folder: string, paths: readonly string[]): StudioError {
  return new StudioError('model-file-missing', `The model ${folder} has no ${paths.join(' or ')}.`, {
    where: paths[0] ?? folder,
    remedy:
      'Choose a complete model folder in diffusers layout (unet, vae, text_encoder, tokenizer, scheduler).',
  });
}

/** A folder below an address; every file is fetched from `base` + path. */
export function urlFolder(base: string): ModelFolder {
  const root = base.endsWith('/') ? base : `${base}/`;
  return {
    name: decodePercent(root.split('/').at(-2) ?? root),
    async open(...paths) {
      for (const path of paths) {
        try {
          return await whole(await urlSource(root + path, { maxWholeBytes: MAX_WHOLE_BYTES }));
        } catch (error) {
          if (!(error instanceof StudioError) || error.code !== 'url-not-found') throw error;
        }
      }
      throw missingFile(root, paths);
    },
  };
}

/** Small files are fetched in one piece: a range request per tensor would take longer than the bytes. */
async function whole(source: ByteSource): Promise<ByteSource> {
  if (source.sizeBytes > ONE_PIECE_BYTES) return source;
  return bytesSource(await source.read(0, source.sizeBytes), source.name);
}
const ONE_PIECE_BYTES = 32 * 2 ** 20;

/** Most bytes of one file in JavaScript memory, from servers that cannot give parts of it. */
const MAX_WHOLE_BYTES = 160e6;

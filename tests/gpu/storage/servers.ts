// Models on servers that tests can break: a plain folder, and a hub with its listing.
import { commands } from 'vitest/browser';
import { writeSafetensors } from '../../../src/formats/safetensors.ts';
import { bytesOf } from './harness.ts';

export type ModelContent = Map<string, Uint8Array<ArrayBuffer>>;

export const UNET = 'unet/diffusion_pytorch_model.fp16.safetensors';
const TEXTS = [
  'model_index.json',
  'unet/config.json',
  'vae/config.json',
  'text_encoder/config.json',
  'tokenizer/vocab.json',
  'tokenizer/merges.txt',
  'tokenizer/tokenizer_config.json',
  'scheduler/scheduler_config.json',
];
const WEIGHTS = [UNET, 'vae/diffusion_pytorch_model.fp16.safetensors', 'text_encoder/model.fp16.safetensors'];

/** Small files, and a UNet of `unetBytes` that differs with `seed`. */
export function modelContent({ unetBytes = 200_000, seed = 1 } = {}): ModelContent {
  const weights = (count: number): Uint8Array<ArrayBuffer> =>
    writeSafetensors([
      {
        name: 'w',
        shape: [count],
        dtype: 'F32',
        data: Float32Array.from({ length: count }, (_, i) => seed + i / 7),
      },
    ]);
  return new Map([
    ...TEXTS.map((path): [string, Uint8Array<ArrayBuffer>] => [path, bytesOf(`{"path":"${path}"}`)]),
    ...WEIGHTS.map((path): [string, Uint8Array<ArrayBuffer>] => [
      path,
      weights(path === UNET ? unetBytes / 4 : 100),
    ]),
  ]);
}

/** Serves the files under `/m/`; gives the server's address. */
export async function serveFolder(content: ModelContent): Promise<string> {
  return commands.startRanges(
    Object.fromEntries([...content].map(([path, bytes]) => [`/m/${path}`, base64(bytes)])),
  );
}

const COMMIT = 'c0ffee0123456789c0ffee0123456789c0ffee01';

type HubOptions = {
  /** Hashes that are listed instead of the right ones. */
  readonly sha256?: Readonly<Record<string, string>>;
  readonly license?: string;
};

/** Serves repositories as the hub does, with hashes of the weights; gives the server's address. */
export async function serveHub(
  repositories: Readonly<Record<string, ModelContent>>,
  { sha256 = {}, license = 'openrail++' }: HubOptions = {},
): Promise<string> {
  const files: Record<string, string> = {};
  for (const [repository, content] of Object.entries(repositories)) {
    const listing = await Promise.all(
      [...content].map(async ([path, bytes]) => ({
        type: 'file',
        oid: 'a'.repeat(40),
        path,
        size: path.endsWith('.safetensors') ? 135 : bytes.byteLength,
        ...(path.endsWith('.safetensors')
          ? { lfs: { oid: sha256[path] ?? (await hashOf(bytes)), size: bytes.byteLength, pointerSize: 135 } }
          : {}),
      })),
    );
    const beside = [
      { type: 'directory', oid: 'a'.repeat(40), path: 'unet', size: 0 },
      { type: 'file', oid: 'a'.repeat(40), path: 'README.md', size: 10 },
      { type: 'file', oid: 'a'.repeat(40), path: 'odd\\name:x.txt', size: 10 },
      { type: 'file', oid: 'a'.repeat(40), path: 'unet/diffusion_pytorch_model.bin', size: 10 },
    ];
    const api = `/api/models/${repository}`;
    files[`${api}/revision/main`] = base64(bytesOf(JSON.stringify({ sha: COMMIT, cardData: { license } })));
    files[`${api}/tree/${COMMIT}`] = base64(bytesOf(JSON.stringify([...beside, ...listing])));
    for (const [path, bytes] of content) files[`/${repository}/resolve/${COMMIT}/${path}`] = base64(bytes);
  }
  return commands.startRanges(files);
}

/** Where the hub has a file. */
export const hubPath = (repository: string, path: string): string =>
  `/${repository}/resolve/${COMMIT}/${path}`;

export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 0x8000)
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

export async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

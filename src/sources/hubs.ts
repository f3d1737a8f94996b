/** Model hubs as data: which addresses are theirs, and how theirs are made. */
import type { HubName } from '../contract/modelSource.ts';

export type Hub = {
  readonly title: string;
  /** Where requests go; the only place that a token is sent to. */
  readonly origin: string;
  /** Hosts whose pages are this hub's. */
  readonly hosts: readonly string[];
  /** Templates with `{repository}`, `{revision}` and `{path}`, below the origin. */
  readonly file: string;
  /** JSON list of all files, in pages: `{ type, path, size, lfs?: { oid, size } }[]`, oid the SHA-256. */
  readonly listing: string;
  /** JSON about a revision: `{ sha, cardData?: { license?, license_name?, license_link? } }`. */
  readonly about: string;
  readonly page: string;
};

/** https://huggingface.co/docs/hub/api */
export const HUBS: Readonly<Record<HubName, Hub>> = {
  huggingface: {
    title: 'Hugging Face',
    origin: 'https://huggingface.co',
    hosts: ['huggingface.co', 'www.huggingface.co', 'hf.co'],
    file: '/{repository}/resolve/{revision}/{path}',
    listing: '/api/models/{repository}/tree/{revision}?recursive=true',
    about: '/api/models/{repository}/revision/{revision}',
    page: '/{repository}',
  },
};

/** An address of the hub; parts are escaped, slashes in paths stay. */
export function hubUrl(
  hub: Hub,
  template: 'file' | 'listing' | 'about' | 'page',
  parts: { readonly repository: string; readonly revision?: string; readonly path?: string },
): string {
  const { repository, revision = 'main', path = '' } = parts;
  const escaped: Readonly<Record<string, string>> = {
    repository: escapePath(repository),
    revision: encodeURIComponent(revision),
    path: escapePath(path),
  };
  return hub.origin + hub[template].replace(/\{(\w+)\}/g, (_, name: string) => escaped[name] ?? '');
}

/** A path within an address, its slashes kept. */
export function escapePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

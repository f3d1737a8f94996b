/** What a user types or pastes to name a model: a hub's `owner/name`, a page of a hub, or any other address. */

import type { HubName, ModelSource } from '../contract/modelSource.ts';
import { StudioError } from '../lib/errors.ts';
import { decodePercent } from '../lib/webAddress.ts';
import { CATALOG } from './catalog.ts';
import { HUBS } from './hubs.ts';
import { metricModel, metricModelId } from './metricModels.ts';

const DEFAULT_HUB: HubName = 'huggingface';
const PICKLE = /\.(ckpt|bin|pt|pth|pkl)$/i;
const CHECKPOINT = /\.safetensors$/i;
/** Folders of a model in diffusers layout: a file in one of them stands for the folder above. */
const PARTS = /(^|\/)(unet|vae|text_encoder|tokenizer|scheduler|feature_extractor|safety_checker)(\/.*)?$/;
/** As hubs write them: owners have no dots, so that `example.org/model` is no repository. */
const REPOSITORY = /^[A-Za-z0-9][\w-]*\/(?!\.+$)[\w.-]+$/;
/** What no revision and no path of a repository holds: a step up, an empty part, half a character. */
const NO_HUB_PATH = /(^|\/)(\.{1,2}(\/|$)|\/)|[\\\p{Cc}\p{Surrogate}]/u;

/**
 * @throws StudioError `model-address-invalid` for what is no address, `model-pickle` for files that are not read here
 */
export function parseSource(text: string): ModelSource {
  const typed = text.trim();
  const known = CATALOG.find(({ id, repositories }) => id === typed || repositories.includes(typed));
  if (known !== undefined) return { kind: 'catalog', id: known.id };
  const [id = '', revision = 'main', ...rest] = typed.split('@');
  if (REPOSITORY.test(id) && revision !== '' && rest.length === 0) {
    return hubSource(DEFAULT_HUB, id, revision, '');
  }
  if (!/^https?:\/\//i.test(typed) || !URL.canParse(typed)) {
    throw invalid(text, 'is neither a repository (owner/name) nor an address that begins with https://');
  }
  return parseUrl(new URL(typed));
}

/** A short name for lists and titles. */
export function sourceName(source: ModelSource): string {
  switch (source.kind) {
    case 'catalog':
      return CATALOG.find(({ id }) => id === source.id)?.name ?? source.id;
    case 'metric':
      return metricModel(source.id)?.name ?? source.id;
    case 'hub':
      return lastName(source.path === '' ? source.repository : source.path);
    case 'url':
      return lastName(decodePercent(new URL(source.url).pathname)) || new URL(source.url).host;
    default:
      return source satisfies never;
  }
}

/** Where it comes from, for people: a repository, or a host with a path. */
export function sourceOrigin(source: ModelSource): string {
  switch (source.kind) {
    case 'catalog':
    case 'metric':
      return sourceName(source);
    case 'hub': {
      const { repository, revision, path } = source;
      return [repository, revision === 'main' ? '' : `@${revision}`, path === '' ? '' : `/${path}`].join('');
    }
    case 'url': {
      const { host, pathname } = new URL(source.url);
      return host + decodePercent(pathname);
    }
    default:
      return source satisfies never;
  }
}

/** True for a single-file checkpoint; else the source is a folder in diffusers layout. */
export function isSingleFile(source: ModelSource): boolean {
  if (source.kind === 'catalog' || source.kind === 'metric') return false;
  return CHECKPOINT.test(source.kind === 'hub' ? source.path : new URL(source.url).pathname);
}

/**
 * An identifier for the stored model, the same for the same source: a download that is asked for again goes on.
 * Readable, with a hash (FNV-1a, 32 bits) that tells apart what the readable part does not.
 */
export function sourceId(source: ModelSource): string {
  if (source.kind === 'catalog') return `known-${source.id}`;
  if (source.kind === 'metric') return metricModelId(source.id);
  const key =
    source.kind === 'hub'
      ? `${source.hub} ${source.repository} ${source.revision} ${source.path}`
      : withoutQuery(source.url);
  const words = sourceOrigin(source).replace(/[^A-Za-z0-9]+/g, '-');
  const readable = words.replace(/^-+/, '').slice(-80).replace(/^-+/, '');
  return `${source.kind}-${readable}-${fnv1a(key).toString(16).padStart(8, '0')}`;
}

function parseUrl(url: URL): ModelSource {
  if (url.username !== '' || url.password !== '') throw invalid(url.host, 'has a name or password in it');
  const isLocal = url.hostname === 'localhost' || url.hostname === '127.0.0.1';
  if (url.protocol !== 'https:' && !isLocal) throw invalid(url.href, 'is not encrypted');
  const path = decodePercent(url.pathname);
  if (PICKLE.test(path)) throw pickled(lastName(path));
  for (const [name, hub] of Object.entries(HUBS)) {
    if (hub.hosts.includes(url.host)) return parseHubPage(name as HubName, url.pathname, url.href);
  }
  if (CHECKPOINT.test(path) && !PARTS.test(path)) return { kind: 'url', url: url.href.replace(/#.*$/, '') };
  if (url.search !== '') throw invalid(withoutQuery(url.href), 'has a query, which a folder cannot have');
  // Not resolved against the origin: a path that begins with two slashes would be taken for another host.
  return { kind: 'url', url: url.origin + asFolder(url.pathname) };
}

/** `/owner/name`, or below it `tree`, `blob` or `resolve`, a revision (its slashes escaped) and a path. */
function parseHubPage(hub: HubName, pathname: string, href: string): ModelSource {
  const [owner = '', name = '', view, revision, ...path] = pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodePercent);
  const repository = `${owner}/${name}`;
  if (!REPOSITORY.test(repository)) throw invalid(href, 'is not the page of a model');
  if (view === undefined) return hubSource(hub, repository, 'main', '');
  if (!['tree', 'blob', 'resolve', 'raw'].includes(view)) throw invalid(href, 'is not the page of a model');
  return hubSource(hub, repository, revision ?? 'main', path.join('/'));
}

function hubSource(hub: HubName, repository: string, revision: string, path: string): ModelSource {
  if (NO_HUB_PATH.test(revision) || NO_HUB_PATH.test(path)) {
    throw invalid(repository, 'has a revision or path that no repository has');
  }
  const whole = CHECKPOINT.test(path) && !PARTS.test(path);
  const folder = asFolder(path).replace(/^\/|\/$/g, '');
  const source: ModelSource = { kind: 'hub', hub, repository, revision, path: whole ? path : folder };
  const known = CATALOG.find(({ repositories }) => repositories.includes(repository));
  return known !== undefined && revision === 'main' && source.path === ''
    ? { kind: 'catalog', id: known.id }
    : source;
}

/** The model's folder that a path lies in, ending in `/`. */
function asFolder(path: string): string {
  const folder = path.replace(PARTS, '').replace(/(^|\/)model_index\.json$/, '');
  return folder.endsWith('/') ? folder : `${folder}/`;
}

function lastName(path: string): string {
  return path.split('/').findLast((part) => part !== '') ?? '';
}

function withoutQuery(href: string): string {
  return href.replace(/[?#].*$/, '');
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function invalid(where: string, problem: string): StudioError {
  return new StudioError('model-address-invalid', `“${where}” ${problem}.`, {
    remedy:
      'Give a repository such as Manojb/stable-diffusion-2-1-base, the address of its page, or an https address of a ' +
      'folder in diffusers layout or of a .safetensors checkpoint.',
    where,
  });
}

/** Weights that would have to be unpickled. */
export function pickled(where: string): StudioError {
  return new StudioError('model-pickle', `${where} is in Python’s pickle format, which is not read here.`, {
    remedy:
      'Opening a pickle file runs the code that is inside it. Take the .safetensors version of the model; most model ' +
      'pages offer it.',
    where,
  });
}

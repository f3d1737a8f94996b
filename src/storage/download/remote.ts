/** What a place on the network has to offer: which files make the model there, how large they are, under which license. */
import * as v from 'valibot';
import type { License } from '../../contract/modelSource.ts';
import { StudioError } from '../../lib/errors.ts';
import { CATALOG, type CatalogEntry, LICENSES } from '../../sources/catalog.ts';
import { escapePath, type Hub, hubUrl } from '../../sources/hubs.ts';
import { metricFileUrl } from '../../sources/metricModels.ts';
import {
  CHECKPOINT_PATH,
  chooseModelFiles,
  type ModelLayout,
  OPTIONAL_TEXTS,
  REQUIRED_TEXTS,
  weightPaths,
} from '../modelFiles.ts';
import type { RemoteFile } from './fetchFile.ts';
import {
  type Access,
  askPatiently,
  request,
  requestText,
  shown,
  TemporaryFailure,
  totalBytes,
  unlessSilent,
} from './http.ts';
import { type Place, placeName } from './places.ts';

export type RemoteModel = {
  /** As shown to the user. */
  readonly place: string;
  /** Where a token of the user may be sent; null for plain addresses. */
  readonly tokenOrigin: string | null;
  readonly layout: ModelLayout;
  readonly files: readonly RemoteFile[];
  readonly license: License | null;
  readonly notes: readonly string[];
};

/** Asks a place what it has. @throws StudioError as `chooseModelFiles` and `request`, or `TemporaryFailure` */
export function describePlace(place: Place, access: Omit<Access, 'tokenOrigin'>): Promise<RemoteModel> {
  switch (place.kind) {
    case 'hub':
      return describeRepository(place, access);
    case 'url':
      return describeFolder(place, access);
    case 'files':
      return describeFiles(place, access);
    default:
      return place satisfies never;
  }
}

const entriesSchema = v.array(
  v.object({
    type: v.string(),
    path: v.string(),
    oid: v.optional(v.string()),
    size: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 0),
    lfs: v.optional(
      v.object({
        oid: v.pipe(v.string(), v.regex(/^(sha256:)?[0-9a-f]{64}$/)),
        size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
      }),
    ),
  }),
);
const aboutSchema = v.object({
  sha: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/))),
  cardData: v.optional(
    v.nullable(
      v.object({
        license: v.optional(v.unknown()),
        license_name: v.optional(v.unknown()),
        license_link: v.optional(v.unknown()),
      }),
    ),
  ),
});

/** Names worth looking at; repositories hold all kinds of others, some of which are no names here. */
const CANDIDATE =
  /^(model_index\.json|[^/\\:]+\.(safetensors|ckpt)|(unet|vae|text_encoder|tokenizer|scheduler)\/[^/\\:]+)$/;
/** Pages of a listing, of up to 1000 files each. */
const MAX_PAGES = 10;
const MAX_LINK_CHARACTERS = 4096;
/** The largest vocabulary has some 2 MB. */
const MAX_TEXT_BYTES = 64 * 2 ** 20;

async function describeRepository(
  place: Place & { kind: 'hub' },
  rest: Omit<Access, 'tokenOrigin'>,
): Promise<RemoteModel> {
  const { hub, repository, revision, path } = place;
  const access = { ...rest, tokenOrigin: hub.origin };
  const page = hubUrl(hub, 'page', { repository });
  const about = parse(aboutSchema, await requestAbout(place, access), page);
  // Files of one commit belong together, and a download that goes on tomorrow gets the same.
  const commit = about.sha ?? revision;
  const listed = await listFiles(hub, repository, commit, access);
  const prefix = path === '' || path.endsWith('.safetensors') ? '' : `${path}/`;
  const remote = listed
    // A name with half a surrogate pair cannot be put into an address.
    .filter((file) => file.path.startsWith(prefix) && !/\p{Surrogate}/u.test(file.path))
    .map(({ path: full, size, lfs, oid }) => ({
      path: full.slice(prefix.length),
      url: hubUrl(hub, 'file', { repository, revision: commit, path: full }),
      sizeBytes: lfs?.size ?? size,
      sha256: lfs?.oid.replace('sha256:', '') ?? null,
      version: oid ?? null,
    }));
  const wanted = path.endsWith('.safetensors')
    ? remote.filter((file) => file.path === path).map((file) => ({ ...file, path: CHECKPOINT_PATH }))
    : remote.filter((file) => CANDIDATE.test(file.path));
  if (wanted.length === 0 && path !== '') throw noSuchFile(repository, path);
  const { layout, needed } = chooseModelFiles(wanted);
  assertTextSizes(needed);
  const entry = CATALOG.find(({ repositories }) => repositories.includes(repository));
  return {
    place: placeName(place),
    tokenOrigin: hub.origin,
    layout,
    files: needed,
    license: readLicense(about.cardData, page) ?? entry?.license ?? null,
    notes: differences(entry, needed),
  };
}

/** @throws StudioError as `requestText`, naming the repository where there is none */
async function requestAbout(place: Place & { kind: 'hub' }, access: Access): Promise<string> {
  const { hub, repository, revision } = place;
  try {
    return (await requestText(hubUrl(hub, 'about', { repository, revision }), access))[0];
  } catch (error) {
    if (!(error instanceof StudioError) || error.code !== 'url-not-found') throw error;
    const version = revision === 'main' ? '' : ` with a version ${revision}`;
    throw new StudioError('url-not-found', `There is no such repository${version}.`, {
      remedy: 'Check its name: owner/name as on its page. It may have been withdrawn or renamed.',
      where: placeName(place),
    });
  }
}

/** @throws StudioError `hub-answer` for configs and vocabularies of a size that none has */
function assertTextSizes(files: readonly RemoteFile[]): void {
  const large = files.find(
    ({ path, sizeBytes }) => !path.endsWith('.safetensors') && (sizeBytes ?? 0) > MAX_TEXT_BYTES,
  );
  if (large === undefined) return;
  throw new StudioError(
    'hub-answer',
    `${large.path} is listed with ${large.sizeBytes} bytes, more than any such file has.`,
    {
      remedy: 'Get the model from somewhere else.',
      where: large.path,
    },
  );
}

async function listFiles(
  hub: Hub,
  repository: string,
  revision: string,
  access: Access,
): Promise<v.InferOutput<typeof entriesSchema>> {
  const files: v.InferOutput<typeof entriesSchema> = [];
  let url: string | null = hubUrl(hub, 'listing', { repository, revision });
  for (let page = 0; url !== null && page < MAX_PAGES; page++) {
    const [text, headers]: [string, Headers] = await requestText(url, access);
    const entries = parse(entriesSchema, text, shown(url));
    // Not by `push(...)`: a page may hold more entries than a call has room for arguments.
    for (const entry of entries) if (entry.type === 'file') files.push(entry);
    url = nextPage(headers.get('link') ?? '', url, hub);
  }
  return files;
}

/**
 * The next page of a listing by the header `Link: <address>; rel="next"` (RFC 8288); null on the last page.
 * @throws StudioError `hub-answer` for an address that is none or leads away from the hub: what is listed there would
 * be missing without a word
 */
function nextPage(header: string, url: string, hub: Hub): string | null {
  const link = header
    .slice(0, MAX_LINK_CHARACTERS)
    .split(',')
    .find((part) => /;\s*rel="?next"?/.test(part));
  if (link === undefined) return null;
  const target = link.slice(link.indexOf('<') + 1, link.indexOf('>'));
  if (URL.canParse(target, url) && new URL(target, url).origin === hub.origin)
    return new URL(target, url).href;
  throw new StudioError('hub-answer', 'The hub names a next page of its listing that is not its own.', {
    remedy: 'The hub may have changed. Download the model’s files and drop them here.',
    where: shown(url),
  });
}

function readLicense(card: v.InferOutput<typeof aboutSchema>['cardData'], page: string): License | null {
  const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
  const tag = text(Array.isArray(card?.license) ? card.license[0] : card?.license);
  if (tag === null) return null;
  const known = LICENSES[tag];
  if (known !== undefined) return known;
  const link = text(card?.license_link);
  const url = link?.startsWith('https://') && URL.canParse(link) ? link : page;
  return { name: tag === 'other' ? (text(card?.license_name) ?? 'its own license') : tag, url, summary: '' };
}

/** Whether a copy has the weights that were published: hashes are known for some. */
function differences(entry: CatalogEntry | undefined, files: readonly RemoteFile[]): string[] {
  const hashes = new Map(entry?.files.map(({ path, sha256 }) => [path, sha256]));
  return files.flatMap(({ path, sha256 }) => {
    const known = hashes.get(path);
    if (known === undefined || sha256 === null || known === sha256) return [];
    return [`${path} is not the file that was published as ${entry?.name}: its hash differs.`];
  });
}

/** The files of a metric's model, wherever each of them lies. */
async function describeFiles(
  place: Place & { kind: 'files' },
  rest: Omit<Access, 'tokenOrigin'>,
): Promise<RemoteModel> {
  const { model, hub } = place;
  const access = { ...rest, tokenOrigin: hub.origin };
  const files = await Promise.all(
    model.files.map(async (file) => {
      const found = await probe(metricFileUrl(file, hub), file.path, access);
      if (found === null) throw noSuchFile(placeName(place), file.path);
      return found;
    }),
  );
  return {
    place: placeName(place),
    tokenOrigin: hub.origin,
    layout: 'metric',
    files,
    license: model.license,
    notes: [],
  };
}

/** A folder without a listing: every file is asked for by name. */
async function describeFolder(
  place: Place & { kind: 'url' },
  rest: Omit<Access, 'tokenOrigin'>,
): Promise<RemoteModel> {
  const access = { ...rest, tokenOrigin: null };
  const model = { place: placeName(place), tokenOrigin: null, license: null, notes: [] };
  if (place.single) {
    const file = await probe(place.url, CHECKPOINT_PATH, access);
    if (file === null) throw noSuchFile(placeName(place), '');
    return { ...model, layout: 'checkpoint', files: [file] };
  }
  const probeAll = (paths: readonly string[]) =>
    Promise.all(paths.map((path) => probe(place.url + escapePath(path), path, access)));
  const firstOf = async (paths: readonly string[]): Promise<RemoteFile | null> => {
    for (const path of paths) {
      const file = await probe(place.url + escapePath(path), path, access);
      if (file !== null) return file;
    }
    return null;
  };
  // The first answer tells of a wrong address, or a server that cannot be read, before a dozen requests fail alike.
  const first = await probe(`${place.url}unet/config.json`, 'unet/config.json', access);
  const texts = await probeAll(
    [...REQUIRED_TEXTS, ...OPTIONAL_TEXTS].filter((path) => path !== 'unet/config.json'),
  );
  const weights = await Promise.all(weightPaths().map(firstOf));
  const found = [first, ...texts, ...weights].filter((file) => file !== null);
  const { layout, needed } = chooseModelFiles(found);
  return { ...model, layout, files: needed };
}

/**
 * Size of a file, from a request for its first byte, which servers answer that refuse HEAD; null if there is no such
 * file.
 */
async function probe(url: string, path: string, access: Access): Promise<RemoteFile | null> {
  let response: Response;
  try {
    response = await askPatiently(access, () =>
      unlessSilent(url, access, (open) => request(url, open, { start: 0, end: 0 })),
    );
  } catch (error) {
    if (error instanceof StudioError && error.code === 'url-not-found') return null;
    throw error;
  }
  const { status, headers } = response;
  const total = totalBytes(response);
  await response.body?.cancel();
  // Servers of single-page applications answer every path with their page.
  if (/^text\/html\b/.test(headers.get('content-type') ?? '')) return null;
  // The length of a whole answer may be that of its compressed form, which only texts have.
  const length = status === 200 && path.endsWith('.safetensors') ? headers.get('content-length') : null;
  return {
    path,
    url,
    sizeBytes: total ?? (length === null ? null : Number(length)),
    sha256: null,
    version: null,
  };
}

function parse<S extends v.GenericSchema>(schema: S, text: string, where: string): v.InferOutput<S> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  throw new StudioError('hub-answer', 'The hub’s answer cannot be understood.', {
    remedy: 'The hub may have changed. Download the model’s files and drop them here.',
    where,
  });
}

/** The error behind a failure that will not be tried again. */
export function finalError(error: unknown): unknown {
  return error instanceof TemporaryFailure ? error.report : error;
}

function noSuchFile(place: string, path: string): StudioError {
  return new StudioError('url-not-found', `There is no ${path === '' ? 'file' : path} at ${place}.`, {
    remedy: 'Check the address: spelling, branch and folder.',
    where: path === '' ? place : path,
  });
}

/** The places on the network that a source names. */
import type { ModelSource } from '../../contract/modelSource.ts';
import { StudioError } from '../../lib/errors.ts';
import { isSingleFile, sourceOrigin } from '../../sources/address.ts';
import { CATALOG } from '../../sources/catalog.ts';
import { HUBS, type Hub } from '../../sources/hubs.ts';
import { type MetricModel, metricFileUrl, metricModel } from '../../sources/metricModels.ts';

/** One of the places that a source names: mirrors are tried in order. */
export type Place =
  | {
      readonly kind: 'hub';
      readonly hub: Hub;
      readonly repository: string;
      readonly revision: string;
      readonly path: string;
    }
  | { readonly kind: 'url'; readonly url: string; readonly single: boolean }
  /** Files that are known one by one, wherever they lie. */
  | { readonly kind: 'files'; readonly model: MetricModel; readonly hub: Hub };

/** @throws StudioError `model-unknown` for an entry that the catalog does not have (any more), or that is no download */
export function placesOf(source: ModelSource, hubs: Readonly<Record<string, Hub>> = HUBS): readonly Place[] {
  const hubOf = (name: string): Hub => hubs[name] as Hub;
  switch (source.kind) {
    case 'catalog': {
      const entry = CATALOG.find(({ id }) => id === source.id);
      if (entry === undefined || entry.repositories.length === 0) throw unknownModel(source.id);
      return entry.repositories.map((repository) => ({
        kind: 'hub',
        hub: hubOf('huggingface'),
        repository,
        revision: 'main',
        path: '',
      }));
    }
    case 'metric': {
      const model = metricModel(source.id);
      if (model === null || model.files.length === 0) throw unknownModel(source.id);
      return [{ kind: 'files', model, hub: hubOf('huggingface') }];
    }
    case 'hub':
      return [{ ...source, kind: 'hub', hub: hubOf(source.hub) }];
    case 'url':
      return [{ kind: 'url', url: source.url, single: isSingleFile(source) }];
    default:
      return source satisfies never;
  }
}

export function placeName(place: Place): string {
  if (place.kind === 'files') return hostsOf(place);
  if (place.kind === 'url') return sourceOrigin({ kind: 'url', url: place.url });
  return `${new URL(place.hub.origin).host}/${place.repository}`;
}

/** The servers that a metric's model comes from. */
function hostsOf({ model, hub }: Place & { kind: 'files' }): string {
  const hosts = model.files.map((file) => new URL(metricFileUrl(file, hub)).host);
  return [...new Set(hosts)].join(' and ');
}

function unknownModel(id: string): StudioError {
  return new StudioError('model-unknown', `There is no model called ${id} to download.`, {
    remedy: 'Choose one from the list, or give its address.',
    where: id,
  });
}

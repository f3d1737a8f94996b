/** Adapters by what the page calls them: those of runs and imported ones, as plain numbers and ready to draw with. */
import { disposeAdapter } from '../adapters/adapter.ts';
import { readAdapterFile } from '../adapters/import/readFile.ts';
import { adapterFromPlain, shapesOf } from '../adapters/import/toTensors.ts';
import type { PlainAdapter } from '../adapters/plain.ts';
import { frozenWeights, importTargets } from '../adapters/targets.ts';
import type { AdapterFormatName, AdapterKindName } from '../contract/adapterFiles.ts';
import type { AdapterReport } from '../contract/protocol.ts';
import { type MiTuneSpec, sameRef } from '../contract/spec.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { runAdapter } from '../jobs/adapterExports.ts';
import { bytesSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import type { Session } from '../procedures/session.ts';
import { applyAdapter, type Tuned } from '../procedures/tuned.ts';
import { loadAdapter, loadAdapterRecord } from '../storage/adapterStore.ts';
import { BROWSER } from '../storage/browser.ts';
import { openRunStore } from '../storage/runStore.ts';
import type { Engine } from './engine.ts';

export type OpenedAdapter = {
  readonly adapter: PlainAdapter;
  readonly name: string;
  readonly format: AdapterFormatName;
  readonly notes: readonly string[];
  /** The loaded model, at the image size of the adapter's run. */
  readonly session: Session;
  /** What made it, where that was a run here. */
  readonly run: {
    readonly which: 'best' | 'last';
    readonly step: number;
    readonly round: number;
    readonly header: Readonly<Record<string, string>>;
  } | null;
};

/** @throws StudioError `adapter-missing`, `model-other`, `adapter-invalid`, `adapter-config-invalid` */
export async function openAdapter(engine: Engine, adapter: string): Promise<OpenedAdapter> {
  const [kind, id = '', ...rest] = adapter.split(':');
  if (kind === 'run') {
    const version = rest.find((part) => part !== 'last');
    const which = rest.includes('last') ? 'last' : 'best';
    return openRunAdapter(engine, id, which, version === undefined ? undefined : Number(version));
  }
  const bytes = kind === 'import' ? await loadAdapter(id) : null;
  if (bytes === null) {
    throw new StudioError('adapter-missing', 'There is no such adapter.', {
      where: adapter,
      remedy: 'Train a run to the end, or drop an adapter file.',
    });
  }
  const record = await loadAdapterRecord(id);
  return readImported(engine, record?.name ?? 'the imported adapter', bytes, record?.config ?? null);
}

/** An adapter file on the loaded model. */
export async function readImported(
  engine: Engine,
  name: string,
  bytes: Uint8Array,
  config: string | null,
): Promise<OpenedAdapter> {
  const { session } = engine;
  const file = await openSafetensors(bytesSource(bytes, name));
  const read = await readAdapterFile(file, shapesOf(importTargets(session.model)), config);
  return { ...read, name, session, run: null };
}

async function openRunAdapter(
  engine: Engine,
  id: string,
  which: 'best' | 'last',
  version: number | undefined,
): Promise<OpenedAdapter> {
  const store = openRunStore(BROWSER, id);
  const { spec, name } = await store.load();
  const session = sessionOfRun(engine, spec);
  const { adapter, step, round, notes } = await runAdapter(session, store, spec, { which, version });
  return { adapter, name, format: 'run', notes: [], session, run: { which, step, round, header: notes } };
}

/** Ready to draw with; the caller disposes. @param strength see `adapterProjector` */
export async function openTuned(
  engine: Engine,
  id: string,
  strength = 1,
): Promise<{ readonly tuned: Tuned; readonly session: Session }> {
  const { adapter: plain, session } = await openAdapter(engine, id);
  const { model } = session;
  const adapter = await adapterFromPlain(plain, importTargets(model), frozenWeights(model));
  try {
    return { tuned: await applyAdapter(session, adapter, strength), session };
  } catch (error) {
    disposeAdapter(adapter);
    throw error;
  }
}

/** DoRA where any layer has a magnitude, LoRA where any has factors. */
export function kindOf({ layers }: PlainAdapter): AdapterKindName {
  if (layers.some((layer) => layer.magnitude !== null)) return 'dora';
  return layers.some((layer) => layer.update.kind === 'lowRank') ? 'lora' : 'difference';
}

/** What the page shows of an adapter in its list. */
export function reportAdapter(id: string, { adapter, name, format, notes }: OpenedAdapter): AdapterReport {
  const { layers } = adapter;
  const sizes = layers.map(({ update, magnitude }) => {
    const own = update.kind === 'lowRank' ? update.down.length + update.up.length : update.values.length;
    return own + (magnitude?.values.length ?? 0);
  });
  return {
    id,
    name,
    format,
    kind: kindOf(adapter),
    rank: Math.max(0, ...layers.map(({ update }) => (update.kind === 'lowRank' ? update.rank : 0))),
    targets: layers.length,
    parameters: sizes.reduce((sum, size) => sum + size, 0),
    textEncoder: layers.some(({ module }) => module.startsWith('text_encoder.')),
    notes,
  };
}

/**
 * The model that a run was made with. Another one would silently decode its latents to other pictures.
 * @throws StudioError `model-other`
 */
export function sessionOfRun(engine: Engine, spec: MiTuneSpec): Session {
  const session = engine.sessionOf(spec);
  const loaded = engine.model?.ref;
  const { model } = spec;
  if (loaded !== undefined && sameRef(loaded, model)) return session;
  throw new StudioError(
    'model-other',
    'This run was made with a different model from the one that is loaded.',
    {
      remedy: 'Load its model first.',
      where: model.kind === 'url' ? model.base : model.id,
    },
  );
}

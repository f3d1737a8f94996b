/** What requests about adapters do: files in every format, a look inside, sums. */

import type { ExportContext } from '../adapters/export/exporter.ts';
import { EXPORTERS } from '../adapters/export/exporters.ts';
import { compareLayers, inspectLayer } from '../adapters/inspect.ts';
import { mergeAdapters } from '../adapters/merge.ts';
import { frozenWeights } from '../adapters/targets.ts';
import { type AdapterFacts, type ExportFormat, LOW_RANK } from '../contract/adapterFiles.ts';
import type { AdapterReport, ExportedFile, Requests } from '../contract/protocol.ts';
import { streamSafetensors } from '../formats/safetensorsStream.ts';
import { exportFileName, untrainedNote } from '../jobs/adapterExports.ts';
import { concatBytes } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { saveAdapter } from '../storage/adapterStore.ts';
import { kindOf, type OpenedAdapter, openAdapter, readImported, reportAdapter } from './adapterSources.ts';
import { writeMergedModel } from './mergedModel.ts';
import type { RequestContext } from './requestContext.ts';

const MAX_RANK = 1024;

/** Writes an adapter in another program's format, layer by layer. */
export async function exportFile(
  { adapter, format, rank = LOW_RANK, half = false }: Requests['exportFile']['args'],
  context: RequestContext,
): Promise<ExportedFile> {
  checkRank(rank);
  const opened = await openAdapter(context.engine, adapter);
  const { run } = opened;
  const name = exportFileName(format, {
    step: run?.step ?? null,
    which: run?.which ?? 'best',
    imported: run === null ? opened.name : null,
  });
  const note = run === null ? null : untrainedNote(run.step, run.round);
  if (format === 'merged') return { name, file: await writeMergedModel(opened, context), losses: [], note };
  const { pieces, losses } = await adapterPieces(
    opened,
    format,
    { rank, half, notes: run?.header ?? {} },
    context,
  );
  return { name, file: new Blob(pieces), losses, note };
}

/** The file as diffusers loads it, for `exportAdapter`. */
export async function exportForDiffusers(
  runId: string,
  which: 'best' | 'last',
  version: number | undefined,
  context: RequestContext,
): Promise<{ name: string; bytes: Uint8Array }> {
  const parts = ['run', runId, version, which === 'last' ? which : undefined];
  const id = parts.filter((part) => part !== undefined).join(':');
  const opened = await openAdapter(context.engine, id);
  const { pieces } = await adapterPieces(
    opened,
    'diffusers',
    { rank: LOW_RANK, half: false, notes: opened.run?.header ?? {} },
    context,
  );
  const step = opened.run?.step ?? null;
  return { name: exportFileName('diffusers', { step, which, imported: null }), bytes: concatBytes(pieces) };
}

async function adapterPieces(
  { adapter, session }: Pick<OpenedAdapter, 'adapter' | 'session'>,
  format: ExportFormat,
  options: Pick<ExportContext, 'rank' | 'half' | 'notes'>,
  context: RequestContext,
): Promise<{ pieces: Uint8Array<ArrayBuffer>[]; losses: ExportedFile['losses'] }> {
  const { tensors, metadata, losses } = await EXPORTERS[format](adapter, {
    ...options,
    frozen: frozenWeights(session.model),
    contextWidth: session.model.unet.weights.config.contextWidth,
    onLayer: layerProgress(context),
  });
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of streamSafetensors(tensors, metadata)) {
    context.signal.throwIfAborted();
    pieces.push(piece);
  }
  return { pieces, losses };
}

/** Keeps an adapter file that fits the loaded model. */
export async function importAdapter(
  { name, bytes, config = null }: Requests['importAdapter']['args'],
  { engine }: RequestContext,
): Promise<AdapterReport> {
  const opened = await readImported(engine, name, bytes, config);
  const id = crypto.randomUUID();
  await saveAdapter({ id, name, bytes, config });
  return reportAdapter(`import:${id}`, opened);
}

/** Facts of every layer, and distances from another adapter where one is named. */
export async function inspectAdapter(
  { adapter: id, other }: Requests['inspectAdapter']['args'],
  context: RequestContext,
): Promise<AdapterFacts> {
  const { engine } = context;
  const { adapter, name, format, notes, session } = await openAdapter(engine, id);
  const beside = other === null ? null : await openAdapter(engine, other);
  const frozen = frozenWeights(session.model);
  const steps = adapter.layers.length;
  const onLayer = layerProgress(context);
  const layers: AdapterFacts['layers'][number][] = [];
  for (const layer of adapter.layers) {
    layers.push(await inspectLayer(layer, frozen));
    await onLayer(layers.length, beside === null ? steps : 2 * steps);
  }
  const comparison =
    beside === null
      ? null
      : {
          name: beside.name,
          ...(await compareLayers(adapter, beside.adapter, frozen, (done, total) =>
            onLayer(steps + done, steps + total),
          )),
        };
  const norm = Math.hypot(...layers.map((layer) => layer.norm));
  return { name, format, kind: kindOf(adapter), notes, layers, norm, comparison };
}

/** The weighted sum of adapters, kept beside the imported ones. */
export async function mergeToImport(
  { parts, rank, name }: Requests['mergeAdapters']['args'],
  context: RequestContext,
): Promise<Requests['mergeAdapters']['result']> {
  checkRank(rank);
  const wrong = parts.find(({ weight }) => !Number.isFinite(weight));
  if (parts.length < 2 || wrong !== undefined) {
    throw new StudioError('merge-invalid', 'Two adapters with a weight each are needed.', {
      remedy: 'Choose two adapters and give both a number.',
    });
  }
  const opened: OpenedAdapter[] = [];
  for (const { adapter } of parts) opened.push(await openAdapter(context.engine, adapter));
  const [first] = opened as [OpenedAdapter];
  const weighted = opened.map(({ adapter }, i) => ({
    adapter,
    weight: (parts[i] as { weight: number }).weight,
  }));
  const { session } = first;
  const merged = await mergeAdapters(weighted, rank, frozenWeights(session.model), layerProgress(context));
  const made = opened.map((part, i) => `${part.name} x ${weighted[i]?.weight}`).join(' + ');
  const { pieces } = await adapterPieces(
    { adapter: merged.adapter, session },
    'kohya',
    { rank: MAX_RANK, half: false, notes: { mi_tune_merged: made } },
    context,
  );
  const report = await importAdapter({ name, bytes: concatBytes(pieces) }, context);
  return { report, losses: merged.losses };
}

/** Reports, and lets the worker hear whether the request was ended meanwhile. */
function layerProgress({ signal, progress }: RequestContext) {
  return async (done: number, total: number): Promise<void> => {
    progress(done, total, 'layers');
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
  };
}

function checkRank(rank: number): void {
  if (Number.isInteger(rank) && rank >= 1 && rank <= MAX_RANK) return;
  throw new StudioError(
    'rank-invalid',
    `The rank must be a whole number from 1 to ${MAX_RANK}, not ${rank}.`,
    {
      remedy: `${LOW_RANK} is a good start; a smaller one makes a smaller file with a larger residual.`,
    },
  );
}

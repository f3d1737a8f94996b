// Our files in kohya's formats beside those that other programs wrote, and the weights that follow from them.

import { adaptedWeight, type FrozenWeights } from '../../src/adapters/effective.ts';
import { EXPORTERS } from '../../src/adapters/export/exporters.ts';
import { readAdapterFile } from '../../src/adapters/import/readFile.ts';
import type { PlainAdapter } from '../../src/adapters/plain.ts';
import type { ExportFormat } from '../../src/contract/adapterFiles.ts';
import { openSafetensors, type SafetensorsFile } from '../../src/formats/safetensors.ts';
import { streamSafetensors } from '../../src/formats/safetensorsStream.ts';
import { bytesSource, concatBytes } from '../../src/lib/bytes.ts';
import type { OracleFiles } from './oracle.ts';
import type { Report } from './report.ts';

type ExportCheck = {
  readonly adapter: PlainAdapter;
  readonly frozen: FrozenWeights;
  /** Holds `merged.<module>.weight`. */
  readonly file: SafetensorsFile;
  readonly asked: {
    readonly files: Readonly<Record<string, string>>;
    readonly config: { readonly use_dora: boolean };
  };
  readonly io: OracleFiles;
  readonly report: Report;
};

/** Which of our formats holds the same tensors as which file of the oracle. */
const SAME_TENSORS = { kohya: 'kohya', comfyui: 'kohya_comfyui_compensated' } as const;

export async function checkExports(check: ExportCheck, mergedAtol: number): Promise<void> {
  const { adapter, asked, io, report } = check;
  for (const [format, name] of Object.entries(SAME_TENSORS) as [keyof typeof SAME_TENSORS, string][]) {
    const path = asked.files[name];
    // In low rank a DoRA is an approximation, which no other program writes.
    if (path === undefined || (format === 'kohya' && asked.config.use_dora)) continue;
    const theirs = await io.safetensors(path);
    const ours = await write(format, check);
    report.equal(format, 'keys and shapes', shapesOf(ours), shapesOf(theirs));
    for (const key of theirs.entries.keys()) {
      if (!ours.entries.has(key)) continue;
      report.close(format, key, await ours.readF32(key), await theirs.readF32(key), { atol: mergedAtol });
    }
  }
  for (const format of Object.keys(EXPORTERS) as ExportFormat[]) {
    const lossy = format === 'kohya' && asked.config.use_dora;
    // All singular values: then nothing may be lost.
    const ours = await write(format, check, lossy ? Number.MAX_SAFE_INTEGER : undefined);
    const shapes = new Map(adapter.layers.map((layer) => [layer.module, layer.shape]));
    const { adapter: again } = await readAdapterFile(ours, shapes);
    for (const layer of again.layers) await checkMerged(check, `${format} read back`, layer, mergedAtol);
  }
}

async function checkMerged(
  { file, frozen, report }: ExportCheck,
  id: string,
  layer: PlainAdapter['layers'][number],
  atol: number,
): Promise<void> {
  const name = `merged.${layer.module.replace(/^unet\./, '')}.weight`;
  if (!file.entries.has(name)) return;
  const { data } = adaptedWeight(layer, await frozen(layer.module));
  report.close(id, name, Float32Array.from(data), await file.readF32(name), { atol });
}

async function write(
  format: ExportFormat,
  { adapter, frozen }: ExportCheck,
  rank = 64,
): Promise<SafetensorsFile> {
  const context = { frozen, rank, half: false, contextWidth: 1024, notes: {} };
  const { tensors, metadata } = await EXPORTERS[format](adapter, context);
  const pieces: Uint8Array[] = [];
  for await (const piece of streamSafetensors(tensors, metadata)) pieces.push(piece);
  return openSafetensors(bytesSource(concatBytes(pieces), `${format}.safetensors`));
}

function shapesOf(file: SafetensorsFile): string[] {
  return [...file.entries].map(([key, entry]) => `${key} [${entry.shape}]`).sort();
}

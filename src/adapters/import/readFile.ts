/** Adapter files of every tool in `formats/adapterKeys`, read to plain numbers. Everything in them is checked. */
import { type AdapterFormat, type AdapterPart, parseAdapterKey } from '../../formats/adapterKeys.ts';
import type { SafetensorsFile } from '../../formats/safetensors.ts';
import { DORA_SCALE_KEY, OVER_FROZEN } from '../export/kohyaDora.ts';
import { type LoraConfig, readLoraConfig } from '../metadata.ts';
import type { PlainAdapter, PlainLayer } from '../plain.ts';
import { invalidAdapter, unknownTensors } from './problems.ts';
import { type LayerKeys, readUpdate } from './readLayer.ts';

type ReadAdapter = {
  readonly adapter: PlainAdapter;
  readonly format: AdapterFormat;
  /** What was assumed or told apart while reading, in sentences. */
  readonly notes: readonly string[];
};

/**
 * @param shapes of every weight of the model that an adapter may sit on, by module, as in a checkpoint
 * @param config text of peft's adapter_config.json, where it came with the file
 * @throws StudioError `adapter-invalid` naming the tensor that is unknown, missing, of the wrong shape or not finite;
 * `adapter-config-invalid`
 */
export async function readAdapterFile(
  file: SafetensorsFile,
  shapes: ReadonlyMap<string, readonly number[]>,
  config: string | null = null,
): Promise<ReadAdapter> {
  const { modules, format } = sortKeys(file, new Set(shapes.keys()));
  const settings = settingsOf(file, config);
  const overFrozen = file.metadata[DORA_SCALE_KEY] === OVER_FROZEN;
  let assumedAlpha = false;
  const layers: PlainLayer[] = [];
  for (const [module, keys] of modules) {
    const alphaOf = async (rank: number): Promise<number> => {
      const key = keys.get('alpha');
      if (key !== undefined) return readAlpha(file, key, module);
      assumedAlpha ||= settings === null;
      return settings?.alphaOf(module, rank) ?? rank;
    };
    const shape = shapes.get(module) as readonly number[];
    layers.push(await readUpdate(file, { module, shape, keys, alphaOf, overFrozen }));
  }
  refuseHalfDora(file, layers);
  const notes = [
    ...(assumedAlpha ? ['It holds no alpha: alpha = rank is assumed, as loaders do.'] : []),
    ...(settings?.unmatched() ?? []).map((pattern) => `No layer fits its ${pattern}: it has no effect.`),
    ...magnitudeNotes(layers, format),
  ];
  return { adapter: { layers }, format, notes };
}

function sortKeys(
  file: SafetensorsFile,
  known: ReadonlySet<string>,
): { modules: ReadonlyMap<string, LayerKeys>; format: AdapterFormat } {
  const modules = new Map<string, Map<AdapterPart, string>>();
  const unknown: string[] = [];
  let format: AdapterFormat = 'peft';
  for (const key of file.entries.keys()) {
    const parsed = parseAdapterKey(key, known);
    if (parsed === undefined) {
      unknown.push(key);
      continue;
    }
    // Magnitudes have the same names in diffusers and peft.
    if (parsed.format !== 'peft') format = parsed.format;
    const parts = modules.get(parsed.module) ?? new Map<AdapterPart, string>();
    const twin = parts.get(parsed.part);
    if (twin !== undefined)
      throw invalidAdapter(file.name, `${twin} and ${key} are the same tensor of one layer`);
    modules.set(parsed.module, parts.set(parsed.part, key));
  }
  if (unknown.length > 0) throw unknownTensors(file.name, unknown);
  if (modules.size === 0) throw invalidAdapter(file.name, 'it has no adapter tensors');
  return { modules, format };
}

/** The header's settings, else those of the file beside it. */
function settingsOf(file: SafetensorsFile, config: string | null): LoraConfig | null {
  const header = file.metadata.lora_adapter_metadata;
  if (header !== undefined) return readLoraConfig(header, `the header of ${file.name}`);
  return config === null ? null : readLoraConfig(config, 'adapter_config.json');
}

async function readAlpha(file: SafetensorsFile, key: string, module: string): Promise<number> {
  const entry = file.entries.get(key);
  const alpha = entry?.shape.every((size) => size === 1) ? (await file.readF32(key))[0] : Number.NaN;
  if (alpha === undefined || !Number.isFinite(alpha))
    throw invalidAdapter(file.name, `alpha of ${module} is not a number`);
  return alpha;
}

function refuseHalfDora(file: SafetensorsFile, layers: readonly PlainLayer[]): void {
  const lowRank = layers.filter((layer) => layer.update.kind === 'lowRank');
  const dora = lowRank.filter((layer) => layer.magnitude !== null).length;
  if (dora === 0 || dora === lowRank.length) return;
  throw invalidAdapter(
    file.name,
    `only ${dora} of its ${lowRank.length} layers have a magnitude, so it is neither LoRA nor DoRA`,
  );
}

/** The two conventions for magnitudes, told apart by their shapes. */
function magnitudeNotes(layers: readonly PlainLayer[], format: AdapterFormat): readonly string[] {
  const magnitudes = layers.flatMap(({ magnitude }) => (magnitude === null ? [] : [magnitude]));
  if (magnitudes.length === 0) return [];
  const notes: string[] = [];
  const outputs = magnitudes.filter((magnitude) => magnitude.axis === 'output');
  if (outputs.length > 0) {
    const frozen = outputs.some((magnitude) => magnitude.over === 'frozen');
    const shape = format === 'kohya' ? '[out, 1]' : '[out]';
    notes.push(
      `Magnitudes ${shape}, one per output, as in the paper and PEFT${frozen ? '; scaled for ComfyUI, and read back so' : ''}.`,
    );
  }
  if (outputs.length < magnitudes.length)
    notes.push('Magnitudes [1, in], one per input, as LyCORIS and OneTrainer write them.');
  return notes;
}

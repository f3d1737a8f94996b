// The `oracle-index-1` format: a folder of numbers made by other programs, with an index that says what each file is
// and how closely it must be met. Only the fields that every case shares are read here; a runner reads its own.

import * as v from 'valibot';
import type { WeightFormat } from '../../src/contract/backend.ts';
import { openSafetensors, type SafetensorsFile } from '../../src/formats/safetensors.ts';
import { bytesSource } from '../../src/lib/bytes.ts';
import { StudioError } from '../../src/lib/errors.ts';

const caseSchema = v.looseObject({ kind: v.string(), name: v.string() });

const indexSchema = v.looseObject({
  format: v.literal('oracle-index-1'),
  gpu_backend_tolerance_factor: v.optional(v.pipe(v.number(), v.minValue(1)), 1),
  cases: v.array(caseSchema),
  files: v.optional(v.record(v.string(), v.looseObject({ bytes: v.optional(v.number()) })), {}),
});

export type OracleCase = v.InferOutput<typeof caseSchema>;
export type OracleIndex = v.InferOutput<typeof indexSchema>;

/**
 * Checks the shape of an index.json.
 * @throws StudioError naming the first field that is wrong, or an index without cases
 */
export function parseIndex(json: unknown): OracleIndex {
  const parsed = v.safeParse(indexSchema, json);
  const problem = parsed.success
    ? parsed.output.cases.length === 0 && 'it lists no cases'
    : `${v.getDotPath(parsed.issues[0]) ?? 'the file'}: ${parsed.issues[0].message}`;
  if (problem || !parsed.success) {
    throw new StudioError('bad-oracle-index', `The index.json of this folder cannot be used: ${problem}.`, {
      remedy: 'Name a folder that has an index.json of the format oracle-index-1.',
    });
  }
  return parsed.output;
}

/** Reads the files of an oracle folder by the paths that its index gives. */
export class OracleFiles {
  readonly index: OracleIndex;
  readonly backend: 'wasm' | 'webgpu';
  /** Precision that networks are loaded at. */
  readonly weights: WeightFormat;
  readonly #baseUrl: string;
  /** Tensors of the opened files that nothing has read yet, by path. */
  readonly #unread = new Map<string, Set<string>>();

  /** @param baseUrl address of the folder, ending in '/' */
  constructor(
    baseUrl: string,
    index: OracleIndex,
    { backend, weights = 'f32' }: { backend: 'wasm' | 'webgpu'; weights?: WeightFormat },
  ) {
    this.#baseUrl = baseUrl;
    this.index = index;
    this.backend = backend;
    this.weights = weights;
  }

  /** Parsed JSON of one file. */
  async json(path: string): Promise<unknown> {
    return (await this.#get(path)).json();
  }

  /** Text of one file. */
  async text(path: string): Promise<string> {
    return (await this.#get(path)).text();
  }

  /** Opens one safetensors file. It is fetched whole: these files are small and nearly all of each is read. */
  async safetensors(path: string): Promise<SafetensorsFile> {
    const bytes = new Uint8Array(await (await this.#get(path)).arrayBuffer());
    const file = await openSafetensors(bytesSource(bytes, path));
    const unread = this.#unread.get(path) ?? new Set(file.entries.keys());
    this.#unread.set(path, unread);
    return {
      ...file,
      readF32: (name) => {
        unread.delete(name);
        return file.readF32(name);
      },
    };
  }

  /** Tensors of an opened file whose values nothing has asked for as float32. */
  unread(path: string): readonly string[] {
    return [...(this.#unread.get(path) ?? [])];
  }

  /** The index entry that another case refers to by name, such as the base model of an adapter. */
  caseNamed(name: string): OracleCase {
    const found = this.index.cases.find((entry) => entry.name === name);
    if (!found) {
      throw new StudioError('oracle-case-missing', `The index has no case named ${name}.`, {
        remedy: 'Add the case that the other one refers to.',
      });
    }
    return found;
  }

  async #get(path: string): Promise<Response> {
    const response = await fetch(new URL(path, this.#baseUrl));
    if (response.ok) return response;
    throw new StudioError('oracle-file-missing', `${path} could not be read (HTTP ${response.status}).`, {
      remedy: 'Check that the folder is complete.',
    });
  }
}

/** Tensors by name, wherever they lie, and the same tensors under the names of another program. */
import { StudioError } from '../lib/errors.ts';

/** What loading a network needs of a file; `SafetensorsFile` is one. */
export type TensorFile = {
  readonly name: string;
  readonly entries: ReadonlyMap<string, { readonly shape: readonly number[]; readonly sizeBytes: number }>;
  /** The values as float32. */
  readF32(tensor: string): Promise<Float32Array>;
  /** The values as bits of float16. */
  readHalfBits(tensor: string): Promise<Uint16Array>;
};

/** Where a tensor of a file goes. */
export type Placement = {
  readonly name: string;
  /** One of equal blocks of rows, such as the queries of a fused projection: its index, and how many there are. */
  readonly part?: readonly [index: number, count: number];
  /** The file has [in, out] where the name stands for [out, in]. */
  readonly transposed?: boolean;
};

/** Where each tensor of a file goes; none where it is not a parameter. `has` tells what else is in the file. */
export type Arrangement = (name: string, has: (name: string) => boolean) => readonly Placement[];

type Place = Placement & { readonly from: string };

/**
 * The file's tensors under other names. Nothing is read before it is asked for; the last fused tensor is kept, since its
 * parts are asked for one after another.
 * @throws StudioError `weights-mismatch` where two tensors claim one name, or rows cannot be parted
 */
export function arrangeTensors(file: TensorFile, arrange: Arrangement): TensorFile {
  const places = new Map<string, Place>();
  const entries = new Map<string, { shape: readonly number[]; sizeBytes: number }>();
  for (const [from, { shape, sizeBytes }] of file.entries) {
    for (const placement of arrange(from, (name) => file.entries.has(name))) {
      const [, count] = placement.part ?? [0, 1];
      if (places.has(placement.name)) {
        throw mismatch(file, from, `${from} and ${places.get(placement.name)?.from} are one parameter`);
      }
      if (count > 1 && (shape[0] ?? 0) % count !== 0) {
        throw mismatch(file, from, `the ${shape[0]} rows of ${from} cannot be split into ${count}`);
      }
      if (placement.transposed && shape.length !== 2) throw mismatch(file, from, `${from} is no matrix`);
      places.set(placement.name, { ...placement, from });
      const rows = count > 1 ? [(shape[0] as number) / count, ...shape.slice(1)] : shape;
      entries.set(placement.name, {
        shape: placement.transposed ? rows.toReversed() : rows,
        sizeBytes: sizeBytes / count,
      });
    }
  }
  const readF32 = keepLast((name) => file.readF32(name));
  const readHalfBits = keepLast((name) => file.readHalfBits(name));
  const placeOf = (name: string): Place => {
    const place = places.get(name);
    if (place !== undefined) return place;
    throw mismatch(file, name, `it has nothing for ${name}`);
  };
  return {
    name: file.name,
    entries,
    readF32: async (name) => pick(file, placeOf(name), await readF32(placeOf(name))),
    readHalfBits: async (name) => pick(file, placeOf(name), await readHalfBits(placeOf(name))),
  };
}

/** Remembers the values of the last fused tensor only. */
function keepLast<T>(read: (name: string) => Promise<T>): (place: Place) => Promise<T> {
  let last: { name: string; values: Promise<T> } | null = null;
  return ({ from, part }) => {
    if (part === undefined) return read(from);
    if (last?.name !== from) last = { name: from, values: read(from) };
    const { values } = last;
    if (part[0] === part[1] - 1) last = null;
    return values;
  };
}

function pick<T extends Float32Array | Uint16Array>(file: TensorFile, place: Place, values: T): T {
  const [index, count] = place.part ?? [0, 1];
  const size = values.length / count;
  const block = (count > 1 ? values.slice(index * size, (index + 1) * size) : values) as T;
  if (!place.transposed) return block;
  const [rows = 0, columns = 0] = file.entries.get(place.from)?.shape ?? [];
  const turned = block.slice() as T;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) turned[c * rows + r] = block[r * columns + c] as number;
  }
  return turned;
}

function mismatch(file: TensorFile, where: string, problem: string): StudioError {
  return new StudioError('weights-mismatch', `${file.name} cannot be used: ${problem}.`, {
    where,
    remedy: 'Check that this is the right checkpoint.',
  });
}

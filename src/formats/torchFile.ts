/**
 * State dicts as `torch.save` writes them since PyTorch 1.6: a zip archive with `data.pkl`, which says what there is, and
 * a file of bytes for each storage; and TorchScript archives (`torch.jit.save`), which have the same and their programs
 * beside it. No code in either is run or even read (`pickle.ts`).
 */
import type { ByteSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { floatsToHalves } from '../lib/half.ts';
import { unpickle } from './pickle.ts';
import {
  isModule,
  isTensor,
  moduleTensors,
  type Pickled,
  type PickledModule,
  type PickledTensor,
  Problem,
} from './pickledTensors.ts';
import { decodeFloats } from './safetensors.ts';
import { DTYPE_BYTES } from './safetensorsLayout.ts';
import type { TensorFile } from './tensorFile.ts';
import { openZip, type ZipArchive } from './zip.ts';

const LIMITS = { maxEntries: 20_000, maxEntryBytes: 2 ** 31 } as const;
/** Where the state dict lies in a checkpoint of training, the first that is there. */
const KEYS = ['state_dict', 'model', 'model_state_dict'] as const;

/** True for zip archives; PyTorch's older format and bare pickles are not read. */
export function looksLikeTorchFile(firstBytes: Uint8Array): boolean {
  return firstBytes[0] === 0x50 && firstBytes[1] === 0x4b;
}

/**
 * Reads what there is; tensors are read one by one.
 * @throws StudioError `torch-file`, `pickle-refused`, `zip-unreadable`
 */
export async function openTorchFile(source: ByteSource): Promise<TensorFile> {
  const zip = await openZip(source, LIMITS);
  const pickle = [...zip.entries.keys()].find((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickle === undefined) throw invalid(source.name, 'it has no data.pkl');
  const root = pickle.slice(0, -'data.pkl'.length);
  await checkByteOrder(zip, root, source.name);
  const tensors = stateDict(unpickle(await zip.read(pickle), source.name), source.name);
  for (const [name, { storage }] of tensors) checkStorage(zip, root, name, storage, source.name);
  const values = async (name: string): Promise<{ floats: Float32Array; halves: Uint16Array | null }> => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw invalid(source.name, `it has no tensor called ${name}`);
    const { dtype, key } = tensor.storage;
    const bytes = await zip.read(`${root}data/${key}`);
    const { buffer } = bytes;
    if (dtype === 'F16') {
      const halves = gather(new Uint16Array(buffer), tensor, Uint16Array);
      return { halves, floats: decodeFloats('F16', halves.buffer) };
    }
    return { halves: null, floats: gather(decodeFloats(dtype, buffer), tensor, Float32Array) };
  };
  return {
    name: source.name,
    entries: new Map(
      [...tensors].map(([name, { shape, storage }]) => {
        const count = shape.reduce((product, size) => product * size, 1);
        return [name, { shape, sizeBytes: count * DTYPE_BYTES[storage.dtype] }];
      }),
    ),
    readF32: async (name) => (await values(name)).floats,
    readHalfBits: async (name) => {
      const { halves, floats } = await values(name);
      return halves ?? floatsToHalves(floats);
    },
  };
}

/** The values of a tensor in the order of its shape: storages may hold them turned, or hold more than one tensor. */
function gather<T extends Float32Array | Uint16Array>(
  storage: T,
  { offset, shape, stride }: PickledTensor,
  make: new (length: number) => T,
): T {
  const count = shape.reduce((product, size) => product * size, 1);
  let step = 1;
  const isPlain = shape.toReversed().every((size, i) => {
    const expected = step;
    step *= size;
    return size === 1 || stride[shape.length - 1 - i] === expected;
  });
  if (isPlain) return storage.slice(offset, offset + count) as T;
  const out = new make(count);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < count; i++) {
    out[i] = storage[index.reduce((sum, at, d) => sum + at * (stride[d] as number), offset)] as number;
    for (let d = shape.length - 1; d >= 0; d--) {
      index[d] = (index[d] as number) + 1;
      if ((index[d] as number) < (shape[d] as number)) break;
      index[d] = 0;
    }
  }
  return out;
}

/** Tensors by name: of the whole, or of its state dict; the prefix that distributed training adds is dropped. */
function stateDict(value: Pickled, source: string): Map<string, PickledTensor> {
  let dict = value;
  for (const key of KEYS) {
    if (!(dict instanceof Map) || [...dict.values()].some(isTensor)) break;
    const inner: Pickled | undefined = dict.get(key);
    if (inner instanceof Map) dict = inner;
  }
  const tensors = isModule(dict) ? scriptTensors(dict, source) : new Map<string, PickledTensor>();
  if (dict instanceof Map) {
    for (const [name, tensor] of dict) if (isTensor(tensor)) tensors.set(String(name), tensor);
  }
  if (tensors.size === 0) throw invalid(source, 'there is no state dict in it');
  const isPrefixed = [...tensors.keys()].every((name) => name.startsWith('module.'));
  if (!isPrefixed) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [name.slice('module.'.length), tensor]));
}

/** The tensors of a TorchScript module. @throws StudioError `torch-file` for modules without an end */
export function scriptTensors(module: PickledModule, source: string): Map<string, PickledTensor> {
  try {
    return moduleTensors(module);
  } catch (error) {
    throw error instanceof Problem ? invalid(source, error.message) : error;
  }
}

function checkStorage(
  zip: ZipArchive,
  root: string,
  name: string,
  { key, count, dtype }: PickledTensor['storage'],
  source: string,
): void {
  const entry = zip.entries.get(`${root}data/${key}`);
  if (entry === undefined) throw invalid(source, `the bytes of ${name} are missing`);
  if (entry.sizeBytes !== count * DTYPE_BYTES[dtype])
    throw invalid(source, `the bytes of ${name} have the wrong size`);
}

async function checkByteOrder(zip: ZipArchive, root: string, source: string): Promise<void> {
  const name = `${root}byteorder`;
  if (!zip.entries.has(name)) return;
  const order = new TextDecoder().decode(await zip.read(name));
  if (order !== 'little') throw invalid(source, 'its numbers are not little-endian');
}

function invalid(source: string, problem: string): StudioError {
  return new StudioError('torch-file', `${source} is no state dict that can be read: ${problem}.`, {
    where: source,
    remedy:
      'Take the safetensors version of the model, or save its state dict with torch.save of PyTorch 1.6 or later.',
  });
}

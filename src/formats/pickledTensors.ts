/**
 * What a state dict of PyTorch is made of: tensors in storages, and the few names that a pickle may call; and the modules
 * of a TorchScript archive, as OpenAI publishes CLIP: objects whose attributes are tensors and further modules.
 */

/** What a storage of PyTorch holds, by the name of its class. */
const STORAGES = {
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  DoubleStorage: 'F64',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
} as const;

type PickledStorage = {
  readonly kind: 'storage';
  readonly dtype: (typeof STORAGES)[keyof typeof STORAGES];
  /** Name of its bytes in the archive. */
  readonly key: string;
  readonly count: number;
};

export type PickledTensor = {
  readonly kind: 'tensor';
  readonly storage: PickledStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
};

/** An object of a TorchScript archive: its class is a program in the archive, which is never read. */
export type PickledModule = { readonly kind: 'module'; readonly attributes: Map<string | number, Pickled> };

type PickledName = { readonly kind: 'name'; readonly name: string };
export type Pickled =
  | null
  | boolean
  | number
  | string
  | Pickled[]
  | Map<string | number, Pickled>
  | PickledStorage
  | PickledTensor
  | PickledModule
  | PickledName;

const MAX_DIMENSIONS = 8;

const CALLED: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_parameter',
]);

/** TorchScript's notes of what a list or dict holds, each around the value itself. */
const TYPED: ReadonlySet<string> = new Set(
  ['build_intlist', 'build_doublelist', 'build_boollist', 'build_tensorlist', 'restore_type_tag'].map(
    (name) => `torch.jit._pickle.${name}`,
  ),
);
const SCRIPT_CLASS = /^__torch__(\.[A-Za-z_]\w*)+$/;

/** A name that a pickle may use. Throws a sentence for all others. */
export function allowedName(name: string): PickledName {
  const storage = /^torch\.(\w+)$/.exec(name)?.[1];
  const isStorage = storage !== undefined && Object.hasOwn(STORAGES, storage);
  if (CALLED.has(name) || TYPED.has(name) || isStorage || SCRIPT_CLASS.test(name)) {
    return { kind: 'name', name };
  }
  throw new Problem(`it names ${JSON.stringify(name.slice(0, 100))}, which no state dict needs`);
}

/** What one of the three functions would make; nothing is called. */
export function applied(callee: Pickled, args: Pickled): Pickled {
  if (!isName(callee) || !Array.isArray(args)) throw new Problem('it calls what is no function');
  if (TYPED.has(callee.name)) {
    const [value] = args;
    if (value === undefined) throw new Problem('a typed value is missing');
    return value;
  }
  switch (callee.name) {
    case 'collections.OrderedDict':
      if (args.length > 0) throw new Problem('an ordered dict is made of something');
      return new Map();
    case 'torch._utils._rebuild_tensor_v2':
      return tensorOf(args);
    case 'torch._utils._rebuild_parameter': {
      const [tensor] = args;
      if (!isTensor(tensor)) throw new Problem('a parameter is made of something else than a tensor');
      return tensor;
    }
    default:
      throw new Problem(`it calls ${callee.name}`);
  }
}

/** An object without attributes yet; only classes of TorchScript archives have any. */
export function instanceOf(type: Pickled, args: Pickled): PickledModule {
  if (!isName(type) || !SCRIPT_CLASS.test(type.name))
    throw new Problem('it makes an object of no TorchScript class');
  if (!Array.isArray(args) || args.length > 0) throw new Problem('an object is made of something');
  return { kind: 'module', attributes: new Map() };
}

/** Most modules that a program is made of; a few hundred in the largest CLIP. */
const MAX_MODULES = 20_000;

/** The tensors of a module and of those in it, by the path of attributes that leads to them: the names of its state dict. */
export function moduleTensors(module: PickledModule): Map<string, PickledTensor> {
  const tensors = new Map<string, PickledTensor>();
  const open: { readonly path: string; readonly module: PickledModule }[] = [{ path: '', module }];
  for (let seen = 0; open.length > 0; seen++) {
    // Modules that hold each other have no end.
    if (seen >= MAX_MODULES) throw new Problem('it has too many modules');
    const { path, module: current } = open.pop() as (typeof open)[number];
    for (const [name, value] of current.attributes) {
      if (isTensor(value)) tensors.set(`${path}${name}`, value);
      else if (isModule(value)) open.push({ path: `${path}${name}.`, module: value });
    }
  }
  return tensors;
}

/** A storage by the tuple that stands for it. */
export function storageOf(id: Pickled): PickledStorage {
  const [tag, type, key, , count] = Array.isArray(id) ? id : [];
  const name = type !== undefined && isName(type) ? type.name.slice('torch.'.length) : '';
  if (tag !== 'storage' || !Object.hasOwn(STORAGES, name) || typeof key !== 'string' || !isCount(count)) {
    throw new Problem('a storage is not described as PyTorch does');
  }
  return { kind: 'storage', dtype: STORAGES[name as keyof typeof STORAGES], key, count };
}

function tensorOf(args: readonly Pickled[]): PickledTensor {
  const [storage, offset, shape, stride] = args;
  if (!isStorage(storage) || !isCount(offset) || !isCounts(shape) || !isCounts(stride)) {
    throw new Problem('a tensor is not described as PyTorch does');
  }
  if (shape.length !== stride.length) throw new Problem('a tensor has other strides than axes');
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * (stride[i] as number), offset);
  const count = shape.reduce((product, size) => product * size, 1);
  if (count > 0 && !(last < storage.count)) throw new Problem('a tensor reaches beyond its storage');
  // Strides of 0 would make much out of little.
  if (count > storage.count) throw new Problem('a tensor is larger than its storage');
  return { kind: 'tensor', storage, offset, shape, stride };
}

/** What is wrong with a pickle, as the middle of a sentence. */
export class Problem extends Error {}

export function isTensor(value: Pickled | undefined): value is PickledTensor {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'tensor';
}

export function isModule(value: Pickled | undefined): value is PickledModule {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'module';
}

function isStorage(value: Pickled | undefined): value is PickledStorage {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'storage';
}

function isName(value: Pickled): value is PickledName {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'name';
}

function isCount(value: Pickled | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: Pickled | undefined): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isCount);
}

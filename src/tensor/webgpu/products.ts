/** Launches of products of rows with a frozen weight: linear layers, convolutions and their input gradients. */
import type { TensorInfo, WebGPUBackend } from '../tf.ts';
import { type Grid, launchOne, tileParts, type Uniform, u32 } from './launch.ts';
import { constants, type Shader, unroll } from './shader.ts';
import { SHADERS } from './shaders.ts';
import { chosenVariant, type ProductOp, type VariantOf } from './variantState.ts';

const operands = {
  linear: [SHADERS.linear, SHADERS.linear_operands, SHADERS.times_rows],
  linear_gradient: [SHADERS.linear_gradient, SHADERS.linear_operands, SHADERS.times_columns],
  conv2d: [SHADERS.conv2d, SHADERS.times_rows],
  conv2d_gradient: [SHADERS.conv2d_gradient, SHADERS.times_columns],
} as const satisfies Record<ProductOp, readonly Shader[]>;

export type Product = {
  readonly op: ProductOp;
  /** Its last axis has `depth` values. */
  readonly x: TensorInfo;
  /** On the GPU, both channel axes padded to multiples of 4. */
  readonly weight: { readonly tensor: TensorInfo; readonly packed: boolean };
  /** [width] */
  readonly bias?: TensorInfo | undefined;
  /** Of the shape of the output; added to it. */
  readonly residual?: TensorInfo | undefined;
  readonly outputShape: readonly number[];
  readonly rows: number;
  readonly depth: number;
  readonly width: number;
  /** Fields of `Params` after the six that every product has. */
  readonly geometry?: readonly Uniform[];
  /** Constants that the operands name. */
  readonly constants?: Readonly<Record<string, boolean>>;
  /** Terms of a sum; default `depth`. */
  readonly terms?: number;
};

/** A quarter, rounded up: vectors of 4 that hold so many values. */
export function quarters(values: number): number {
  return Math.ceil(values / 4);
}

/** How a frozen weight is stored. */
export function weightOf({ packed }: { readonly packed: boolean }): Shader {
  return packed ? SHADERS.weight_f16 : SHADERS.weight_f32;
}

/** Computes the product in the chosen form. */
export function launchProduct(backend: WebGPUBackend, product: Product): TensorInfo {
  const { op, x, weight, bias, residual, outputShape, rows, depth, width } = product;
  const form = forms[chosenVariant(op)](rows, quarters(width));
  const whole = depth % 4 === 0 && width % 4 === 0;
  const label = [
    op,
    form.label,
    weight.packed ? 'f16' : 'f32',
    whole ? 'vec4' : 'any',
    bias === undefined ? '' : 'bias',
    residual === undefined ? '' : 'residual',
    ...Object.entries(product.constants ?? {}).map(([name, value]) => (value ? name : '')),
  ];
  const residualBinding = bias === undefined ? 4 : 5;
  return launchOne(backend, {
    label: label.filter((part) => part !== '').join('/'),
    pieces: () => [
      ...form.pieces(),
      ...operands[op],
      weightOf(weight),
      constants({ bias_binding: 4, residual_binding: residualBinding, ...product.constants }),
      bias === undefined ? SHADERS.no_bias : SHADERS.bias,
      residual === undefined ? SHADERS.no_residual : whole ? SHADERS.residual_vec4 : SHADERS.residual_any,
      whole ? SHADERS.rows_vec4 : SHADERS.rows_any,
    ],
    outputs: [outputShape],
    inputs: [
      x,
      weight.tensor,
      ...(bias === undefined ? [] : [bias]),
      ...(residual === undefined ? [] : [residual]),
    ],
    ...tileParts(backend, form.tiles, rows * width * (product.terms ?? depth), (firstTile) => [
      ...[rows, depth, width, quarters(depth), quarters(width), firstTile].map(u32),
      ...(product.geometry ?? []),
    ]),
  });
}

type Form = {
  readonly label: string;
  readonly pieces: () => readonly Shader[];
  readonly tiles: Grid;
};

type MakeForm = (rows: number, width4: number) => Form;

const registerThreads = 64;
const registerRows = 4;

const registers: MakeForm = (rows, width4) => {
  // Narrow outputs get tall workgroups, so that few threads idle.
  const columns = [1, 2, 4].find((size) => size >= width4) ?? 8;
  const tall = registerThreads / columns;
  return {
    label: `registers/${columns}`,
    pieces: () => [
      unroll(SHADERS.product_registers, { D: registerRows }),
      constants({ tile_columns: columns, tile_rows: tall, thread_rows: registerRows }),
    ],
    tiles: { columns: Math.ceil(width4 / columns), rows: Math.ceil(rows / (registerRows * tall)) },
  };
};

/** Threads along a side of a workgroup. */
const workgroupSide = 8;

const workgroup: MakeForm = (rows, width4) => ({
  label: `workgroup/${workgroupSide}`,
  pieces: () => [unroll(SHADERS.product_workgroup, { D: 4 }), constants({ side: workgroupSide })],
  tiles: { columns: Math.ceil(width4 / workgroupSide), rows: Math.ceil(rows / (4 * workgroupSide)) },
});

const subgroupRows = 8;

const subgroups: MakeForm = (rows, width4) => {
  const columns = [4, 8, 16, 32].find((size) => size >= width4) ?? 64;
  return {
    label: `subgroups/${columns}`,
    pieces: () => [
      unroll(SHADERS.product_subgroups, { Q: 4, D: subgroupRows }),
      { code: 'enable subgroups;\n', needs: [] },
      constants({ tile_columns: columns, thread_rows: subgroupRows }),
    ],
    tiles: { columns: Math.ceil(width4 / columns), rows: Math.ceil(rows / subgroupRows) },
  };
};

const forms = { registers, workgroup, subgroups } as const satisfies Record<VariantOf<ProductOp>, MakeForm>;

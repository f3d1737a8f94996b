/**
 * Launches of products of rows with frozen weights: linear layers, convolutions and their input gradients, with what comes
 * before and after them in the same pass where the form of the product can do that.
 */
import type { TensorInfo, WebGPUBackend } from '../tf.ts';
import type { Uniform } from './bindings.ts';
import { f32, launch, tileParts, u32 } from './launch.ts';
import { chooseForm, type Extent, formFuses } from './productForms.ts';
import { constants, type Shader } from './shader.ts';
import { SHADERS } from './shaders.ts';
import { chosenVariant, type ProductOp } from './variantState.ts';

const operands = {
  linear: [SHADERS.linear_operands, SHADERS.times_rows],
  linear_gradient: [SHADERS.linear_gradient, SHADERS.linear_operands, SHADERS.times_columns],
  conv2d: [SHADERS.conv2d, SHADERS.conv2d_operands, SHADERS.times_rows],
  conv2d_gradient: [SHADERS.conv2d_gradient, SHADERS.conv2d_operands, SHADERS.times_columns],
} as const satisfies Record<ProductOp, readonly Shader[]>;

/** Layer normalization of the rows on their way in. */
type RowNorm = { readonly gamma: TensorInfo; readonly beta: TensorInfo; readonly eps: number };

type Product = {
  readonly op: ProductOp;
  /** Its last axis has `depth` values, with `joined` less those of that tensor. The first is that of samples. */
  readonly x: TensorInfo;
  /** On the GPU, both channel axes padded to multiples of 4. */
  readonly weight: StoredWeight;
  /** [width], with gates [2 width] */
  readonly bias?: TensorInfo | undefined;
  /** Value of `bias` that belongs to the first column, where it holds those of several layers. */
  readonly firstBias?: number | undefined;
  /** Of the shape of the output; added to it. */
  readonly residual?: TensorInfo | undefined;
  /** What only a product that `fuses` can do. */
  readonly fused?: FusedParts | undefined;
  readonly outputShape: readonly number[];
  readonly rows: number;
  readonly depth: number;
  readonly width: number;
  /** Fields of `Params` after those that every product has. */
  readonly geometry?: readonly Uniform[];
  /** Constants that the operands name. */
  readonly constants?: Readonly<Record<string, boolean>>;
  /** Terms of a sum; default `depth`. */
  readonly terms?: number;
};

type StoredWeight = { readonly tensor: TensorInfo; readonly packed: boolean };

type FusedParts = {
  readonly norm?: RowNorm | undefined;
  /** The second part of each row of x. */
  readonly joined?: TensorInfo | undefined;
  /** The weight is [depth, 2 width], values and then gates of a GEGLU. */
  readonly gated?: boolean;
  /** Two more weights of the size of the first, for two more outputs. */
  readonly others?: readonly [StoredWeight, StoredWeight] | undefined;
};

/** A quarter, rounded up: vectors of 4 that hold so many values. */
export function quarters(values: number): number {
  return Math.ceil(values / 4);
}

/** How a frozen weight is stored. */
export function weightOf({ packed }: { readonly packed: boolean }): Shader {
  return packed ? SHADERS.weight_f16 : SHADERS.weight_f32;
}

/**
 * Widest rows that a product normalizes on their way in: every column of tiles takes the sums of its rows anew, which
 * costs as many loads as a tile of so many terms has.
 */
const widestNormed = 320;

/** True where the chosen form of linear layers does on its way in and out what would otherwise be passes of their own. */
export function fuses(backend: WebGPUBackend, depths: readonly number[], width: number): boolean {
  return (
    formFuses(chosenVariant('linear')) &&
    [...depths, width].every((size) => size % 4 === 0) &&
    // Three outputs, three weights, rows, scale and shift.
    backend.device.limits.maxStorageBuffersPerShaderStage >= 9
  );
}

/** Whether rows of that width are normalized inside the product that reads them. */
export function fusesNorm(width: number): boolean {
  return width <= widestNormed;
}

/** Computes the product in the chosen form: one output, with `others` three. */
export function launchProduct(backend: WebGPUBackend, product: Product): TensorInfo[] {
  const { op, x, weight, bias, residual, fused = {}, outputShape, rows, depth, width } = product;
  const { norm, joined, gated = false, others } = fused;
  const extent: Extent = {
    rows,
    rowsOfSample: rows / (x.shape[0] as number),
    width4: quarters(width),
    spans: others === undefined ? 1 : 3,
    gated,
    normed: norm !== undefined,
  };
  const form = chooseForm(chosenVariant(op), extent, op.endsWith('gradient'));
  const whole = depth % 4 === 0 && width % 4 === 0;
  const outputs = others === undefined ? [outputShape] : [outputShape, outputShape, outputShape];
  const rowsIn = joined === undefined ? [x] : [x, joined];
  const weights = [weight, ...(others ?? [])].map(({ tensor }) => tensor);
  const given = (tensor: TensorInfo | undefined): TensorInfo[] => (tensor === undefined ? [] : [tensor]);
  const added = [...given(bias), ...given(residual)];
  const xBinding = 1 + outputs.length;
  const wBinding = xBinding + rowsIn.length;
  const biasBinding = wBinding + weights.length;
  const residualBinding = biasBinding + given(bias).length;
  const label = [
    op,
    form.label,
    weight.packed ? 'f16' : 'f32',
    whole ? 'vec4' : 'any',
    bias === undefined ? '' : 'bias',
    residual === undefined ? '' : 'residual',
    norm === undefined ? '' : 'norm',
    joined === undefined ? '' : 'joined',
    gated ? 'gated' : '',
    others === undefined ? '' : 'triple',
    ...Object.entries(product.constants ?? {}).map(([name, value]) => (value ? name : '')),
  ];
  return launch(backend, {
    label: label.filter((part) => part !== '').join('/'),
    pieces: () => [
      ...form.pieces(),
      ...operands[op],
      ...(op === 'linear' ? [others === undefined ? SHADERS.linear : SHADERS.linear_triple] : []),
      weightOf(weight),
      constants({
        x_binding: xBinding,
        w_binding: wBinding,
        bias_binding: biasBinding,
        residual_binding: residualBinding,
        gamma_binding: residualBinding + given(residual).length,
        spans: gated ? 2 : 1,
        ...product.constants,
      }),
      joined !== undefined ? SHADERS.x_joined : whole ? SHADERS.x_vec4 : SHADERS.x_any,
      ...(form.fuses ? [norm === undefined ? SHADERS.rows_as_they_are : SHADERS.rows_normed] : []),
      ...(gated ? [SHADERS.gelu_erf, SHADERS.pack_vec4] : []),
      ...(others === undefined
        ? [
            bias === undefined ? SHADERS.no_bias : SHADERS.bias,
            residual === undefined
              ? SHADERS.no_residual
              : whole
                ? SHADERS.residual_vec4
                : SHADERS.residual_any,
            whole ? SHADERS.y_vec4 : SHADERS.y_any,
          ]
        : []),
    ],
    outputs,
    inputs: [...rowsIn, ...weights, ...added, ...(norm === undefined ? [] : [norm.gamma, norm.beta])],
    ...tileParts(backend, form.tiles, workOf(product), (firstTile) => [
      ...[rows, depth, width, quarters(depth), quarters(width), firstTile, product.firstBias ?? 0].map(u32),
      u32(joined === undefined ? 0 : (x.shape.at(-1) as number) / 4),
      f32(norm?.eps ?? 0),
      ...(product.geometry ?? []),
    ]),
  });
}

/** `launchProduct` of one weight. */
export function launchOneProduct(backend: WebGPUBackend, product: Product): TensorInfo {
  return launchProduct(backend, product)[0] as TensorInfo;
}

/** Multiply-adds. */
function workOf({ rows, width, depth, terms = depth, fused }: Product): number {
  return rows * width * terms * (fused?.others === undefined ? 1 : 3) * (fused?.gated === true ? 2 : 1);
}

/** Launches of products of rows with a frozen weight: linear layers, convolutions and their input gradients. */
import bias from '../../../shaders/common/bias.wgsl?raw';
import noBias from '../../../shaders/common/no_bias.wgsl?raw';
import noResidual from '../../../shaders/common/no_residual.wgsl?raw';
import residualAny from '../../../shaders/common/residual_any.wgsl?raw';
import residualVec4 from '../../../shaders/common/residual_vec4.wgsl?raw';
import rowsAny from '../../../shaders/common/rows_any.wgsl?raw';
import rowsVec4 from '../../../shaders/common/rows_vec4.wgsl?raw';
import weightF16 from '../../../shaders/common/weight_f16.wgsl?raw';
import weightF32 from '../../../shaders/common/weight_f32.wgsl?raw';
import convCode from '../../../shaders/nn/conv2d.wgsl?raw';
import convGradientCode from '../../../shaders/nn/conv2d_gradient.wgsl?raw';
import linearCode from '../../../shaders/nn/linear.wgsl?raw';
import linearGradientCode from '../../../shaders/nn/linear_gradient.wgsl?raw';
import registersCode from '../../../shaders/nn/product_registers.wgsl?raw';
import subgroupsCode from '../../../shaders/nn/product_subgroups.wgsl?raw';
import workgroupCode from '../../../shaders/nn/product_workgroup.wgsl?raw';
import type { TensorInfo, WebGPUBackend } from '../tf.ts';
import { type Grid, launchOne, tileParts, type Uniform, u32 } from './launch.ts';
import { unroll } from './unroll.ts';
import { chosenVariant, type ProductOp, type VariantOf } from './variantState.ts';

const operandCode = {
  linear: linearCode,
  linear_gradient: linearGradientCode,
  conv2d: convCode,
  conv2d_gradient: convGradientCode,
} as const satisfies Record<ProductOp, string>;

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

/** Computes the product in the chosen form. */
export function launchProduct(backend: WebGPUBackend, product: Product): TensorInfo {
  const { op, x, weight, bias: biasInfo, residual, outputShape, rows, depth, width } = product;
  const form = forms[chosenVariant(op)](rows, quarters(width));
  const whole = depth % 4 === 0 && width % 4 === 0;
  const constants = Object.entries(product.constants ?? {});
  const label = [
    op,
    form.label,
    weight.packed ? 'f16' : 'f32',
    whole ? 'vec4' : 'any',
    biasInfo === undefined ? '' : 'bias',
    residual === undefined ? '' : 'residual',
    ...constants.map(([name, value]) => (value ? name : '')),
  ];
  const residualBinding = biasInfo === undefined ? 4 : 5;
  return launchOne(backend, {
    label: label.filter((part) => part !== '').join('/'),
    code: () =>
      [
        form.enable,
        `const bias_binding = 4;\nconst residual_binding = ${residualBinding};\n`,
        ...constants.map(([name, value]) => `const ${name} = ${value};\n`),
        weight.packed ? weightF16 : weightF32,
        operandCode[op],
        biasInfo === undefined ? noBias : bias,
        residual === undefined ? noResidual : whole ? residualVec4 : residualAny,
        whole ? rowsVec4 : rowsAny,
        form.code(),
      ].join(''),
    outputs: [outputShape],
    inputs: [
      x,
      weight.tensor,
      ...(biasInfo === undefined ? [] : [biasInfo]),
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
  /** What has to stand before everything else in the module. */
  readonly enable: string;
  readonly code: () => string;
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
    enable: '',
    code: () =>
      `const tile_columns = ${columns}u;\nconst tile_rows = ${tall}u;\nconst thread_rows = ${registerRows}u;\n` +
      unroll(registersCode, { D: registerRows }),
    tiles: { columns: Math.ceil(width4 / columns), rows: Math.ceil(rows / (registerRows * tall)) },
  };
};

/** Threads along a side of a workgroup. */
const workgroupSide = 8;

const workgroup: MakeForm = (rows, width4) => ({
  label: `workgroup/${workgroupSide}`,
  enable: '',
  code: () => `const side = ${workgroupSide}u;\n${unroll(workgroupCode, { D: 4 })}`,
  tiles: { columns: Math.ceil(width4 / workgroupSide), rows: Math.ceil(rows / (4 * workgroupSide)) },
});

const subgroupRows = 8;

const subgroups: MakeForm = (rows, width4) => {
  const columns = [4, 8, 16, 32].find((size) => size >= width4) ?? 64;
  return {
    label: `subgroups/${columns}`,
    enable: 'enable subgroups;\n',
    code: () =>
      `const tile_columns = ${columns}u;\nconst thread_rows = ${subgroupRows}u;\n` +
      unroll(subgroupsCode, { Q: 4, D: subgroupRows }),
    tiles: { columns: Math.ceil(width4 / columns), rows: Math.ceil(rows / subgroupRows) },
  };
};

const forms = { registers, workgroup, subgroups } as const satisfies Record<VariantOf<ProductOp>, MakeForm>;

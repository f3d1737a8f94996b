/** The forms of a product of rows with a frozen weight: how threads share it. Which runs is chosen in variants.ts. */
import type { Grid } from './launch.ts';
import { constants, type Shader, unroll, withSubgroups } from './shader.ts';
import { SHADERS } from './shaders.ts';
import type { ProductOp, VariantOf } from './variantState.ts';

/** Sizes of a product. */
export type Extent = {
  readonly rows: number;
  /** Of one sample: what decides how a row is summed must not depend on the batch. */
  readonly rowsOfSample: number;
  /** Vectors of 4 in a row of an output. */
  readonly width4: number;
  /** Outputs beside each other. */
  readonly spans: 1 | 3;
  /** A second column, the gate, for each of an output. */
  readonly gated: boolean;
  /** Rows are normalized on their way in. */
  readonly normed: boolean;
};

type Form = {
  readonly label: string;
  readonly pieces: () => readonly Shader[];
  readonly tiles: Grid;
  /** It has room for a normalization before and for gates and further outputs after the product. */
  readonly fuses: boolean;
};

type ProductVariant = VariantOf<ProductOp>;
type MakeForm = (extent: Extent, alongSum: boolean) => Form;

/** True for forms that do more than the product. */
export function formFuses(variant: ProductVariant): boolean {
  return variant === 'tiles' || variant === 'large_tiles';
}

/** @param alongSum the rows of the weight run along the sum, as in gradients */
export function chooseForm(variant: ProductVariant, extent: Extent, alongSum: boolean): Form {
  return forms[variant](extent, alongSum);
}

const registerThreads = 64;
const registerRows = 4;

const registers: MakeForm = ({ rows, width4 }) => {
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
    fuses: false,
  };
};

const subgroupRows = 8;

const subgroups: MakeForm = ({ rows, width4 }) => {
  const columns = [4, 8, 16, 32].find((size) => size >= width4) ?? 64;
  return {
    label: `subgroups/${columns}`,
    pieces: () => [
      unroll(SHADERS.product_subgroups, { Q: 4, D: subgroupRows }),
      withSubgroups,
      constants({ tile_columns: columns, thread_rows: subgroupRows }),
    ],
    tiles: { columns: Math.ceil(width4 / columns), rows: Math.ceil(rows / subgroupRows) },
    fuses: false,
  };
};

type TileShape = {
  /** Rows of a thread, beside its 8 columns. */
  readonly rows: 4 | 8;
  /** Threads of a slice along columns and rows. */
  readonly sides: readonly [x: number, y: number];
  /** Vectors of 4 terms in a step. */
  readonly parts: number;
  /** Parts of the workgroup that share a sum. */
  readonly slices: number;
};

/** All take 16 KiB of workgroup memory. Rows x columns of a tile: 32 x 32, 64 x 64, 128 x 128. */
const sliced: TileShape = { rows: 4, sides: [4, 8], parts: 2, slices: 4 };
const middle: TileShape = { rows: 8, sides: [8, 8], parts: 4, slices: 1 };
const large: TileShape = { rows: 8, sides: [16, 16], parts: 2, slices: 1 };

/**
 * Tiles of 64 x 64, for a pair of samples, below which a large GPU would idle: then the tiles are smaller and four
 * parts of a workgroup share each sum.
 */
const enoughTiles = 128;

function gridOf({ rows, width4, spans, gated }: Extent, { rows: ofThread, sides: [x, y] }: TileShape): Grid {
  const columns = gated ? Math.ceil(width4 / x) : Math.ceil((spans * width4) / (2 * x));
  return { columns, rows: Math.ceil(rows / (ofThread * y)) };
}

function tilesIn(extent: Extent, shape: TileShape): number {
  const { columns, rows } = gridOf(extent, shape);
  return columns * rows;
}

function tiled(preferred: TileShape): MakeForm {
  return (extent, alongSum) => {
    const pair = { ...extent, rows: 2 * extent.rowsOfSample };
    const isSmall = tilesIn(pair, middle) < enoughTiles;
    // Not a matter of how a row is summed, so that the whole batch may count.
    const fits = tilesIn(extent, preferred) >= enoughTiles;
    const shape = isSmall ? sliced : fits ? preferred : middle;
    const [x, y] = shape.sides;
    const columns =
      extent.spans === 3
        ? SHADERS.columns_triple
        : extent.gated
          ? SHADERS.columns_gated
          : SHADERS.columns_plain;
    return {
      label: `tiles/${shape.rows * y}x${8 * x}`,
      pieces: () => [
        unroll(SHADERS.product_tiles, {
          N: extent.normed ? 1 : 0,
          S: shape.slices > 1 ? 1 : 0,
          Q: (shape.rows * shape.parts) / x,
          D: shape.rows,
        }),
        constants({
          side_x: x,
          side_y: y,
          thread_rows: shape.rows,
          tile_parts: shape.parts,
          slices: shape.slices,
          along_sum: alongSum,
        }),
        columns,
      ],
      tiles: gridOf(extent, shape),
      fuses: true,
    };
  };
}

const forms = {
  registers,
  tiles: tiled(middle),
  large_tiles: tiled(large),
  subgroups,
} as const satisfies Record<ProductVariant, MakeForm>;

/** Shapes of the workgroups of register-tiled kernels, in which a thread makes 4 rows x 4 columns. */
import { type Groups, tileGroups } from './launch.ts';
import type { WebGPUBackend } from './tf.ts';

export type Tiling = {
  /** Part of the label of the shader. */
  readonly label: string;
  /** Prefix of the shader: `tile_columns` and `tile_rows`. */
  readonly code: string;
  readonly groups: Groups;
};

/** Threads of a workgroup along the columns; narrow outputs get tall workgroups, so that few threads idle. */
const widths = [1, 2, 4, 8];
const threads = 64;

/** Workgroups of 64 threads for an output of `rows` rows and `columns4` groups of 4 columns. */
export function tiling(backend: WebGPUBackend, rows: number, columns4: number): Tiling {
  const width = widths.find((size) => size >= columns4) ?? 8;
  const height = threads / width;
  return {
    label: `${width}x${height}`,
    code: `const tile_columns = ${width}u;\nconst tile_rows = ${height}u;\n`,
    groups: tileGroups(backend, Math.ceil(columns4 / width), Math.ceil(rows / (4 * height))),
  };
}

/**
 * Unrolls the marked blocks of a shader, so that values indexed by a constant stay in registers:
 *
 *     //#each D
 *     let q_D = q[row + D];
 *     //#end
 *
 * becomes `let q_0 = q[row + 0u]; let q_1 = q[row + 1u]; ...`. As written, with `const D = 0u`, the text is valid WGSL.
 */
export function unroll(code: string, count: number): string {
  return code.replace(/^ *\/\/#each D\n([\s\S]*?)^ *\/\/#end\n/gm, (_, block: string) =>
    Array.from({ length: count }, (__, d) =>
      block.replaceAll(/_D\b/g, `_${d}`).replaceAll(/\bD\b/g, `${d}u`),
    ).join(''),
  );
}

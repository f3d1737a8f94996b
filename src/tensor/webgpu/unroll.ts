/**
 * Unrolls the marked blocks of a shader, so that values indexed by a constant stay in registers:
 *
 *     //#each D
 *     let q_D = q[row + D];
 *     //#end D
 *
 * becomes `let q_0 = q[row + 0u]; let q_1 = q[row + 1u]; ...`. As written, with `const D = 0u`, the text is valid WGSL.
 *
 * @param counts repeats by the letter of the block; an outer block comes before the ones inside it
 */
export function unroll(code: string, counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).reduce((text, [letter, count]) => {
    const block = new RegExp(`^ *//#each ${letter}\\n([\\s\\S]*?)^ *//#end ${letter}\\n`, 'gm');
    const suffix = new RegExp(`_${letter}\\b`, 'g');
    const alone = new RegExp(`\\b${letter}\\b`, 'g');
    return text.replace(block, (_, body: string) =>
      Array.from({ length: count }, (__, i) => body.replace(suffix, `_${i}`).replace(alone, `${i}u`)).join(
        '',
      ),
    );
  }, code);
}

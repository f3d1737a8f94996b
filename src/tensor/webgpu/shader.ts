/**
 * Pieces of WGSL as records that say what they need. A module is put together from a main piece and the choices that a
 * launch makes; what only one piece provides comes by itself, and a need that nothing provides is a fault that names it.
 */

export type Shader = {
  readonly code: string;
  /** Names that the code uses and does not declare. WGSL does not care about the order of declarations. */
  readonly needs: readonly string[];
};

const DECLARATION =
  /^(?:@\S+(?: @\S+)* )*(?:fn|struct|alias|const|override|var(?:<[^>]*>)?) (?<name>[A-Za-z_]\w*)/gm;

/** Names that a piece declares for the whole module. */
export function declaredBy({ code }: Shader): readonly string[] {
  return [...code.matchAll(DECLARATION)].map(({ groups }) => groups?.name as string);
}

/** Constants of a launch, as unsigned whole numbers or booleans. */
export function constants(values: Readonly<Record<string, number | boolean>>): Shader {
  const lines = Object.entries(values).map(
    ([name, value]) => `const ${name} = ${typeof value === 'number' ? `${value}u` : value};\n`,
  );
  return { code: lines.join(''), needs: [] };
}

/** For pieces that pass values within a subgroup. */
export const withSubgroups: Shader = { code: 'enable subgroups;\n', needs: [] };

/**
 * The text of a module.
 * @param pieces the main piece and what the launch chose among pieces that provide the same names
 * @param library pieces that come where they are needed, if no other provides the name
 * @throws RangeError naming what nothing, or more than one piece, provides
 */
export function assemble(pieces: readonly Shader[], library: readonly Shader[]): string {
  const module = [...pieces];
  const known = new Map<string, Shader>();
  // Grows while it is walked: what comes along may need more.
  for (const piece of module) {
    for (const name of declaredBy(piece)) {
      if (known.has(name)) throw new RangeError(`Two pieces of a shader declare ${name}.`);
      known.set(name, piece);
    }
  }
  for (const piece of module) {
    for (const name of piece.needs) {
      if (known.has(name)) continue;
      const providers = library.filter((other) => declaredBy(other).includes(name));
      const [provider] = providers;
      if (provider === undefined || providers.length > 1) {
        throw new RangeError(`${providers.length} pieces provide ${name}, which a shader needs.`);
      }
      for (const declared of declaredBy(provider)) known.set(declared, provider);
      module.push(provider);
    }
  }
  // Directives come before all declarations.
  const isDirective = ({ code }: Shader): boolean => code.startsWith('enable ');
  return [...module.filter(isDirective), ...module.filter((p) => !isDirective(p))]
    .map((p) => p.code)
    .join('');
}

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
export function unroll({ code, needs }: Shader, counts: Readonly<Record<string, number>>): Shader {
  const unrolled = Object.entries(counts).reduce((text, [letter, count]) => {
    const block = new RegExp(`^ *//#each ${letter}\\n([\\s\\S]*?)^ *//#end ${letter}\\n`, 'gm');
    const suffix = new RegExp(`_${letter}\\b`, 'g');
    const alone = new RegExp(`\\b${letter}\\b`, 'g');
    return text.replace(block, (_, body: string) =>
      Array.from({ length: count }, (__, i) => body.replace(suffix, `_${i}`).replace(alone, `${i}u`)).join(
        '',
      ),
    );
  }, code);
  return { code: unrolled, needs };
}

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { assemble, constants, declaredBy, type Shader, unroll } from '../../../src/tensor/webgpu/shader.ts';
import { LIBRARY, SHADERS } from '../../../src/tensor/webgpu/shaders.ts';

const shaders: Readonly<Record<string, Shader>> = SHADERS;
const files = readdirSync('shaders', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.wgsl'))
  .sort();

/** Words of WGSL that our shaders use: keywords, types, address spaces and built-in functions. */
const LANGUAGE = new Set(
  `fn struct alias const let var if else for while switch case default return break continue true false enable subgroups
  u32 i32 f32 bool vec2f vec3f vec4f vec2u vec3u vec4u vec3i mat4x4f array uniform storage read read_write workgroup
  min max clamp abs exp log sqrt dot select floor workgroupBarrier unpack2x16float subgroupShuffleXor subgroupBroadcast`.split(
    /\s+/,
  ),
);

/** Names that a text uses and nowhere declares. */
function undeclared(code: string): string[] {
  const plain = code
    .replace(/\/\/.*/g, '')
    .replace(/@builtin\([^)]*\)|@\w+/g, '')
    .replace(/\b\d[\w.]*(?:(?<=e)[+-]\d+)?/g, '');
  const declared = new Set(
    [
      ...plain.matchAll(/\b(?:fn|struct|alias|const|let|var(?:<[^>]*>)?)\s+([A-Za-z_]\w*)/g),
      ...plain.matchAll(/\b([A-Za-z_]\w*)\s*:/g),
    ].map(([, name]) => name),
  );
  const used = [...plain.matchAll(/(?<![.\w])[A-Za-z_]\w*/g)].map(([name]) => name);
  return [...new Set(used)].filter((name) => !declared.has(name) && !LANGUAGE.has(name)).sort();
}

describe('every shader', () => {
  test('is in the table, with the text of its file', () => {
    const named = Object.fromEntries(
      files.map((path) => [path.split('/').at(-1)?.slice(0, -'.wgsl'.length), path]),
    );
    expect(Object.keys(shaders).sort()).toEqual(Object.keys(named).sort());
    for (const [name, { code }] of Object.entries(shaders))
      expect(code).toBe(readFileSync(`shaders/${named[name]}`, 'utf8'));
  });

  test.each(Object.keys(shaders))('%s names what it needs', (name) => {
    const shader = shaders[name] as Shader;
    const { code } = unroll(shader, { Q: 1, D: 1, K: 1 });
    expect([...shader.needs].sort()).toEqual(undeclared(code));
  });
});

test('the scan sees what it is meant to see', () => {
  const code = `struct P { a: u32, }
@group(0) @binding(slot) var<storage, read> x: array<Pack>;
fn f(i: u32) -> Pack { let y = g(x[i].w, 1e-3, 2u); return h_1 + y; } // k()`;
  expect(undeclared(code)).toEqual(['Pack', 'g', 'h_1', 'slot']);
  expect(declaredBy({ code, needs: [] })).toEqual(['P', 'x', 'f']);
});

describe('a module', () => {
  const main: Shader = { code: 'fn main() { f(a); }\n', needs: ['f', 'a'] };
  const f: Shader = { code: 'fn f(x: u32) { g(); }\n', needs: ['g'] };
  const g: Shader = { code: 'fn g() {}\n', needs: [] };

  test('takes along what its pieces need, once, and directives first', () => {
    const enable: Shader = { code: 'enable subgroups;\n', needs: [] };
    const text = assemble([main, constants({ a: 3 }), enable], [g, f]);
    expect(text).toBe(`${enable.code}${main.code}const a = 3u;\n${f.code}${g.code}`);
  });

  test('takes a piece along once that provides two things it needs', () => {
    const both: Shader = { code: 'const a = 1u;\nfn f(x: u32) {}\n', needs: [] };
    expect(assemble([main], [both])).toBe(main.code + both.code);
  });

  test('prefers what the launch chose to what the library has', () => {
    const other: Shader = { code: 'fn f(x: u32) {}\n', needs: [] };
    expect(assemble([main, other, constants({ a: 1 })], [f, g])).not.toContain(f.code);
  });

  test('is refused where a need has no provider, or a name has two', () => {
    expect(() => assemble([main], [f, g])).toThrow('0 pieces provide a');
    expect(() => assemble([main, constants({ a: 1 })], [f, f, g])).toThrow('2 pieces provide f');
    expect(() => assemble([main, f, f], [])).toThrow('Two pieces of a shader declare f');
  });

  test('takes index and sum from the library', () => {
    const text = assemble(
      [SHADERS.group_norm, SHADERS.group_norm_operands, constants({ threads: 64 })],
      LIBRARY,
    );
    expect(text).toContain(SHADERS.workgroup_sum.code);
    expect(text).not.toContain('fn flat_index');
  });
});

test('unrolling repeats marked blocks only', () => {
  const code = '  let D = 0u;\n  //#each D\n  sum += q_D * k[at + D];\n  //#end D\n  done();\n';
  expect(unroll({ code, needs: ['done'] }, { D: 2 })).toEqual({
    code: '  let D = 0u;\n  sum += q_0 * k[at + 0u];\n  sum += q_1 * k[at + 1u];\n  done();\n',
    needs: ['done'],
  });
});

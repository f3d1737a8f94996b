// What the parts of src/ may know of each other, and what none of them may do.

import { describe, expect, test } from 'vitest';
import { countLines, listFiles, parseSource, readSources, type SourceFile } from '../helpers/sourceFiles.ts';

// From the ground up; what a room may import, the rooms above it may too.
const foundation = ['contract', 'lib'];
const compute = ['diffusion', 'models', 'tensor', 'formats', ...foundation];
const learning = ['training', 'mi', 'adapters', ...compute];
const procedures = ['procedures', 'prompts', 'metrics', 'shapes', ...learning];
const jobs = ['methods', 'planning', ...procedures, 'storage', 'sources'];
// What a score means is one table, and the page shows it.
const page = [
  'mi/estimators',
  'planning/promptPlan',
  'planning/judging',
  // What methods there are and what they ask; never their code.
  'methods/registry',
  'methods/method',
  'analysis',
  'survey',
  'metrics/registry',
  'metrics/metric',
  // How a prompt is read, to be shown and corrected.
  'prompts/reading',
  // What a metric asks about a prompt, likewise.
  'metrics/blip/questions',
  'metrics/language/nounPhrases',
  'metrics/spatial/promptObjects',
  'engine/client',
  'storage',
  'sources',
  'formats',
  ...foundation,
];

/** Folder (or file) of src/ to what it may import besides itself. */
const allowedImports: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  // The plain data that every side shares: what is asked, what is told, what is stored.
  contract: ['lib'],
  formats: foundation,
  tensor: foundation,
  models: ['tensor', 'formats', ...foundation],
  diffusion: ['models', 'tensor', 'formats', ...foundation],
  mi: compute,
  adapters: compute,
  training: ['mi', 'adapters', ...compute],
  metrics: ['shapes', ...learning],
  shapes: learning,
  // What a prompt says, and where its words lie among its tokens.
  prompts: ['models', ...foundation],
  // What methods have in common: drawing a pool, measuring a set, training a round.
  procedures: ['metrics', 'prompts', 'shapes', ...learning],
  methods: procedures,
  planning: ['methods', ...procedures],
  // What models there are and how addresses read: data and text, no requests.
  sources: foundation,
  storage: ['sources', 'formats', ...foundation],
  jobs,
  engine: ['jobs', ...jobs],
  // Numbers that people read: statistics of scores and answers. Neither knows where they come from.
  analysis: foundation,
  survey: ['analysis', 'formats', ...foundation],
  state: page,
  ui: ['state', ...page],
  'main.tsx': ['ui', 'state', ...foundation],
};

/** Folders whose results must be a function of their arguments alone. */
const deterministicFolders = [
  'lib',
  'contract',
  'formats',
  'tensor',
  'models',
  'diffusion',
  'mi',
  'adapters',
  'training',
  'metrics',
  'procedures',
  'prompts',
  'methods',
  'planning',
  'shapes',
  'analysis',
  'survey',
];
/** The only door to the time of day and to durations. */
const clock = 'src/lib/clock.ts';

const maximumLines = 350;
/** Files that are tables, where length is not complexity. */
const tables: readonly string[] = [];

const sources = readSources('src');
const byPath = new Map(sources.map((file) => [file.path, file]));

describe('imports', () => {
  test('follow the arrows', () => {
    const wrong = sources.flatMap((file) =>
      file.imports
        .filter(({ target }) => target !== null && !mayImport(file.path, target))
        .map(({ target }) => `${file.path} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('of every folder are described', () => {
    const unknown = sources.map((file) => ownerOf(file.path)).filter((owner) => !(owner in allowedImports));
    expect(unknown.filter((owner) => owner !== 'env.d.ts')).toEqual([]);
  });

  test('never bring tensors to the page', () => {
    const starts = sources.filter((file) => /^src\/(main\.tsx|ui\/|state\/)/.test(file.path));
    const reached = new Set<string>();
    for (const file of starts) visit(file, reached);
    expect([...reached].filter((path) => path.startsWith('src/tensor/'))).toEqual([]);
  });

  test('form no cycle', () => {
    expect(findCycle()).toBeNull();
  });

  test('reach TensorFlow.js through one file', () => {
    const wrong = sources.flatMap((file) =>
      file.imports
        .filter(({ specifier }) => specifier.startsWith('@tensorflow/') && !specifier.endsWith('.wasm?url'))
        .filter(() => file.path !== 'src/tensor/tf.ts')
        .map(({ specifier }) => `${file.path} -> ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('files', () => {
  test(`have at most ${maximumLines} lines`, () => {
    const code = listFiles(
      ['src', 'shaders', 'wasm', 'tests', 'tools'],
      ['.ts', '.tsx', '.mjs', '.css', '.wgsl'],
    );
    const long = code.filter((path) => !tables.includes(path) && countLines(path) > maximumLines);
    expect(long).toEqual([]);
  });
});

describe('code', () => {
  test('of compute folders has no ambient randomness or time', () => {
    const banned =
      /^(Math\.random|Date\.(now|parse)|performance\.\w+|crypto\.\w+|tf\.(random|rand|truncatedNormal)\w*)$/;
    const inCompute = sources.filter(
      (file) => deterministicFolders.includes(ownerOf(file.path)) && file.path !== clock,
    );
    expect(usesOf(inCompute, (name) => banned.test(name))).toEqual([]);
    expect(
      find(inCompute, (node) => node.type === 'NewExpression' && nameOf(node.callee) === 'Date'),
    ).toEqual([]);
  });

  test('never waits for the GPU synchronously', () => {
    const banned = /\.(dataSync|arraySync|bufferSync|print)$/;
    expect(usesOf(sources, (name) => banned.test(name))).toEqual([]);
  });

  test('has no `any`', () => {
    expect(find(sources, (node) => node.type === 'TSAnyKeyword')).toEqual([]);
  });
});

test('the checks see what they are meant to see', () => {
  const text = `
    import type { A } from '../mi/a.ts';
    import { b } from './b.ts?raw';
    export * from './c.ts';
    const d = () => import('./d.ts');
    type E = import('./e.ts').E;
    const x: any = Math.random() + y.f().dataSync();
  `;
  const file = parseSource('src/ui/x.ts', text);
  expect(file.imports.map(({ target, typeOnly }) => [target, typeOnly])).toEqual([
    ['src/mi/a.ts', true],
    ['src/ui/b.ts', false],
    ['src/ui/c.ts', false],
    ['src/ui/d.ts', false],
    ['src/ui/e.ts', true],
  ]);
  expect(usesOf([file], (name) => name === 'Math.random')).toHaveLength(1);
  expect(usesOf([file], (name) => name.endsWith('dataSync'))).toHaveLength(1);
  expect(find([file], (node) => node.type === 'TSAnyKeyword')).toHaveLength(1);
  expect(mayImport('src/ui/x.ts', 'src/tensor/tf.ts')).toBe(false);
  expect(mayImport('src/mi/x.ts', 'src/contract/spec.ts')).toBe(true);
  expect(mayImport('src/mi/x.ts', 'src/jobs/runner.ts')).toBe(false);
  expect(mayImport('src/contract/x.ts', 'src/storage/kv.ts')).toBe(false);
});

/** First folder below src/, or the name of a file there. */
function ownerOf(path: string): string {
  return path.split('/')[1] ?? path;
}

function mayImport(from: string, target: string): boolean {
  // Shader text and package metadata are data.
  if (!target.startsWith('src/')) return /^(shaders|wasm)\//.test(target) && from.startsWith('src/tensor/');
  const [owner, imported] = [ownerOf(from), ownerOf(target)];
  if (owner === imported) return true;
  const file = target.slice('src/'.length).replace(/\.tsx?$/, '');
  return (allowedImports[owner] ?? []).some((name) => name === imported || name === file);
}

/** Adds the file and everything it loads at run time; a worker is loaded by address, so it is not among it. */
function visit(file: SourceFile, reached: Set<string>): void {
  if (reached.has(file.path)) return;
  reached.add(file.path);
  for (const { target, typeOnly } of file.imports) {
    const next = target === null || typeOnly ? undefined : byPath.get(target);
    if (next) visit(next, reached);
  }
}

/** The first import cycle found, as a list of paths that ends where it begins. */
function findCycle(): string[] | null {
  const done = new Set<string>();
  const trail: string[] = [];
  const search = (path: string): string[] | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return null;
    trail.push(path);
    for (const { target } of byPath.get(path)?.imports ?? []) {
      const cycle = target !== null && byPath.has(target) ? search(target) : null;
      if (cycle) return cycle;
    }
    trail.pop();
    done.add(path);
    return null;
  };
  for (const { path } of sources) {
    const cycle = search(path);
    if (cycle) return cycle;
  }
  return null;
}

/** `a.b` for a member of a name, `.b` for a member of anything else, `a` for a name, else ''. */
function nameOf(node: unknown): string {
  const { type, name, object, property } = node as Record<string, unknown>;
  if (type === 'Identifier') return String(name);
  if (type !== 'MemberExpression') return '';
  const base = (object as { type: string }).type === 'Identifier' ? nameOf(object) : '';
  return `${base}.${nameOf(property)}`;
}

function usesOf(files: readonly SourceFile[], banned: (name: string) => boolean): string[] {
  return find(files, (node) => node.type === 'MemberExpression' && banned(nameOf(node)));
}

function find(
  files: readonly SourceFile[],
  matches: (node: SourceFile['nodes'][number]) => boolean,
): string[] {
  return files.flatMap((file) =>
    file.nodes.filter(matches).map((node) => `${file.path} at ${String(node.start)}`),
  );
}

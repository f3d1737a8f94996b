// The project's own sources as data: files, their imports, and what appears in their syntax trees.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));

type SourceImport = {
  /** As written. */
  readonly specifier: string;
  /** Path of the file from the root of the project, without query; null for packages. */
  readonly target: string | null;
  /** Erased by the compiler: `import type` or `export type`. */
  readonly typeOnly: boolean;
};

export type SourceFile = {
  /** From the root of the project, with forward slashes. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly SourceImport[];
  /** Every node of the syntax tree. */
  readonly nodes: readonly SyntaxNode[];
};

/** A node of the ESTree that vite's parser makes; only what the checks look at is typed. */
type SyntaxNode = { readonly type: string; readonly [field: string]: unknown };

/** Paths of all files under the folders with one of the endings. Folders that do not exist hold none. */
export function listFiles(folders: readonly string[], endings: readonly string[]): string[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

/** Number of lines, as an editor counts them. */
export function countLines(path: string): number {
  return readFileSync(join(root, path), 'utf8').replace(/\n$/, '').split('\n').length;
}

/** Parses the TypeScript files under a folder. */
export function readSources(folder: string): SourceFile[] {
  return listFiles([folder], ['.ts', '.tsx']).map((path) =>
    parseSource(path, readFileSync(join(root, path), 'utf8')),
  );
}

/**
 * Parses one file.
 * @throws Error when its syntax is wrong
 */
export function parseSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text);
  const [error] = parsed.errors;
  if (error) throw new Error(`${path}: ${error.message}`);
  const nodes: SyntaxNode[] = [];
  collect(parsed.program, nodes);

  const imports: SourceImport[] = [];
  const add = (specifier: string, typeOnly: boolean) =>
    imports.push({ specifier, target: resolve(path, specifier), typeOnly });
  for (const node of nodes) {
    const source = node.source as { value?: unknown } | null | undefined;
    if (typeof source?.value !== 'string') continue;
    const typeOnly = node.importKind === 'type' || node.exportKind === 'type' || node.type === 'TSImportType';
    add(source.value, typeOnly);
  }
  return { path, lines: text.replace(/\n$/, '').split('\n').length, imports, nodes };
}

function resolve(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const bare = specifier.split('?')[0] ?? specifier;
  return join(dirname(from), bare).replaceAll('\\', '/');
}

function collect(value: unknown, into: SyntaxNode[]): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, into);
  } else if (typeof value === 'object' && value !== null) {
    if (isNode(value)) into.push(value);
    for (const item of Object.values(value)) collect(item, into);
  }
}

function isNode(value: object): value is SyntaxNode {
  return 'type' in value && typeof value.type === 'string';
}

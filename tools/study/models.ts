/** Model folders: what a study's numbers belong to, and the base models that part 1 sets side by side. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { BUILT_IN_MODEL } from '../../src/sources/catalog.ts';
import { ROOT } from '../lib/dependencies.mjs';
import { usageError } from '../lib/usage.ts';
import { GUIDANCE, REFERENCE_SCORE, TRAINING } from './design.ts';

/** The model that the study is about. */
export const MODEL_FOLDER = join(ROOT, 'public', BUILT_IN_MODEL);

/** A base model beside the study's own: what it is called, and what its numbers are kept under. */
export type BaseModel = { readonly name: string; readonly digest: string };
export type BaseFolder = BaseModel & { readonly folder: string };

/** The model that the page started with before. */
const DEFAULT_BASES = [join(ROOT, 'public', 'models', 'shapes')];

const SCHEDULER = join('scheduler', 'scheduler_config.json');

/** Digest of what numbers depend on and step ids do not name: the model's files, and the settings that are fixed. */
export function modelDigest(folder: string): string {
  const hash = createHash('sha256').update(JSON.stringify({ GUIDANCE, REFERENCE_SCORE, TRAINING }));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  // The card is words.
  for (const path of paths.filter((path) => !path.endsWith('.md')).sort()) hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}

/**
 * The base models of part 1: those that come with the page, and further folders.
 * @throws StudioError `usage` for a folder that holds no model, or one whose noise schedule is another
 */
export function openBases(folders: readonly string[]): readonly BaseFolder[] {
  const own = modelDigest(MODEL_FOLDER);
  const schedule = readFileSync(join(MODEL_FOLDER, SCHEDULER), 'utf8');
  const bases = new Map<string, BaseFolder>();
  for (const folder of [...DEFAULT_BASES, ...folders].map((path) => resolve(path))) {
    if (!existsSync(join(folder, 'model_index.json'))) throw usageError(`${folder} holds no model.`);
    const other = JSON.parse(readFileSync(join(folder, SCHEDULER), 'utf8')) as unknown;
    if (JSON.stringify(other) !== JSON.stringify(JSON.parse(schedule)))
      throw usageError(
        `The model in ${folder} has another noise schedule: its scores would mean something else.`,
      );
    const digest = modelDigest(folder);
    if (digest !== own) bases.set(digest, { name: basename(folder), digest, folder });
  }
  return [...bases.values()];
}

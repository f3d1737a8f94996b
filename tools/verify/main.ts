// npm run verify -- DIR: holds this implementation against a folder of numbers made by other programs.
//
// The numbers are computed in Chromium, by verify/page.ts; this driver serves the folder to it, prints one
// line per case, and ends with exit code 1 unless everything that the folder's index asks for was met.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { launchStudio } from '../lib/launch.ts';
import { serveDirectory } from '../lib/servePlugin.ts';
import { openToolPage } from '../lib/toolPage.ts';
import { usageError } from '../lib/usage.ts';
import { parseIndex } from './oracle.ts';
import type { VerifyRequest } from './page.ts';
import type { Row } from './report.ts';
import { caseLines, failureLines, header, summaryLine } from './table.ts';

const USAGE = `Usage: npm run verify -- DIR [options]

DIR                       folder with an index.json of the format oracle-index-1
--backend wasm|webgpu     where the networks run (default: wasm)
--weights f32|f16         precision of the networks' matrices (default: f32). With f16 the numbers of every network are
                          compared with those that the wasm backend computes from the same weights, rounded to half
--form NAME               this form of every kernel that has it, such as tiles or, on wasm, fused or winograd-4x4 (default: the
                          one that runs everywhere); on wasm also best, those that new runs draw in
--case NAME               only the entry of this name
--json FILE               also write every single comparison to a file
--help                    this text`;

type Options = { folder: string; request: VerifyRequest; jsonFile: string | null };

function readOptions(): Options | null {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      backend: { type: 'string', default: 'wasm' },
      weights: { type: 'string', default: 'f32' },
      form: { type: 'string' },
      case: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [folder, ...others] = positionals;
  const backend = values.backend;
  if (values.help || folder === undefined || others.length > 0) return null;
  if (backend !== 'wasm' && backend !== 'webgpu')
    throw usageError(`Unknown backend "${backend}". Use wasm or webgpu.`);
  const { weights } = values;
  if (weights !== 'f32' && weights !== 'f16')
    throw usageError(`Unknown precision "${weights}". Use f32 or f16.`);
  return {
    folder: resolve(folder),
    request: { backend, weights, form: values.form ?? null, only: values.case ?? null },
    jsonFile: values.json === undefined ? null : resolve(values.json),
  };
}

async function verify({ folder, request, jsonFile }: Options): Promise<boolean> {
  const indexPath = join(folder, 'index.json');
  if (!existsSync(indexPath)) throw usageError(`There is no file ${indexPath}.`);
  const index = parseIndex(readJson(indexPath));
  // A folder may be incomplete where only one of its cases is asked for.
  const rows: Row[] = request.only === null ? checkFiles(folder, index.files) : [];
  let backend: string = request.backend;

  const studio = await launchStudio({
    backend: request.backend,
    from: 'dev',
    vite: { plugins: [serveDirectory('/oracle/', folder)] },
  });
  try {
    const { page } = studio;
    await page.exposeFunction('reportBackend', (description: string) => {
      backend = description;
      console.log(`Backend: ${description}\n\n${header()}`);
    });
    await page.exposeFunction('reportRows', (newRows: Row[]) => {
      rows.push(...newRows);
      for (const line of caseLines(newRows)) console.log(line);
    });
    await openToolPage(studio, { script: 'tools/verify/page.ts', offers: 'runVerify' });
    await Promise.race([page.evaluate((asked) => window.runVerify(asked), request), studio.failed]);
  } finally {
    await studio.close();
  }

  for (const line of failureLines(rows)) console.log(line);
  console.log(`\n${summaryLine(rows, `${request.backend}, weights ${request.weights}`)}`);
  if (jsonFile !== null) writeFileSync(jsonFile, `${JSON.stringify({ folder, backend, rows }, null, 1)}\n`);
  return rows.length > 0 && rows.every((row) => row.pass);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw usageError(`${path} is not JSON: ${error instanceof Error ? error.message : error}.`);
  }
}

/** A missing file fails; one with other content than the index says is only mentioned, as its numbers tell more. */
function checkFiles(folder: string, files: Readonly<Record<string, { bytes?: number | undefined }>>): Row[] {
  const missing: Row[] = [];
  for (const [path, entry] of Object.entries(files)) {
    const full = join(folder, path);
    if (!existsSync(full) || !statSync(full).isFile()) {
      missing.push({
        kind: 'files',
        name: path,
        id: '-',
        quantity: '-',
        error: Number.POSITIVE_INFINITY,
        tolerance: 0,
        pass: false,
        note: 'listed in the index, but not in the folder',
      });
    } else if ('sha256' in entry && entry.sha256 !== sha256(full)) {
      console.log(`Note: ${path} is not the file that the index describes (other SHA-256).`);
    }
  }
  return missing;
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

const options = readOptions();
if (options === null) {
  console.log(USAGE);
  process.exitCode = process.argv.includes('--help') ? 0 : 1;
} else {
  process.exitCode = (await verify(options)) ? 0 : 1;
}

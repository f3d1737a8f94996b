#!/usr/bin/env node
// npm test: every check of the project, independent ones side by side where cores allow, and at the end one line:
// `N passed, N failed`. What is printed comes in the same order however the work was shared out.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuild } from './lib/buildApp.mjs';
import { ensureChromium } from './lib/chromium.mjs';
import { ensureDependencies, ROOT } from './lib/dependencies.mjs';

/** The browser suites take every core of a small machine. */
const CORES_FOR_TWO_SUITES = 8;

let passed = 0;
let failed = 0;
/** @type {string[]} */
const failures = [];

try {
  ensureDependencies();
  ensureChromium();
  const cores = availableParallelism();
  const tsc = ['node_modules/typescript/bin/tsc', '--noEmit'];
  await lanes(cores > 1, [
    async (turn) => {
      await runCheck(turn, 'Biome', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']);
      await runCheck(turn, 'TypeScript', tsc);
      await runCheck(turn, 'TypeScript, what computes', [...tsc, '-p', 'tsconfig.engine.json']);
      await runCheck(turn, 'TypeScript, the page', [...tsc, '-p', 'tsconfig.page.json']);
    },
    (turn) => runSuite(turn, 'unit'),
  ]);
  const suites = countStep('Build of the app', ensureBuild) ? ['gpu', 'e2e'] : ['gpu'];
  await lanes(
    cores >= CORES_FOR_TWO_SUITES,
    suites.map((suite) => (turn) => runSuite(turn, suite)),
  );
} catch (error) {
  fail('Set-up', error);
}

if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
console.log(`${passed} passed, ${failed} failed`);

/**
 * Resolves when all lanes before are through: what is printed and counted waits for it, the work itself does not.
 * @typedef {Promise<unknown>} Turn
 */

/**
 * Runs lanes of work, side by side or one after the other.
 * @param {boolean} together
 * @param {((turn: Turn) => Promise<unknown>)[]} work
 */
async function lanes(together, work) {
  /** @type {Turn} */
  let before = Promise.resolve();
  for (const lane of work) {
    const turn = before;
    const done = lane(turn);
    before = Promise.all([turn, done]);
    if (!together) await done;
  }
  await before;
}

/**
 * Runs a script of the project. Its output is held back until it is its turn.
 * @param {Turn} turn
 * @param {string} title
 * @param {string[]} args path of a script under the root, and its arguments
 * @returns {Promise<number | null>} the exit status
 */
async function run(turn, title, args) {
  const color = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...color },
  });
  /** @type {Buffer[] | null} */
  let held = [];
  const take = (/** @type {Buffer} */ chunk) => {
    if (held === null) process.stdout.write(chunk);
    else held.push(chunk);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [status] = await Promise.all([
    ended,
    turn.then(() => {
      process.stdout.write(`\n== ${title}\n`);
      for (const chunk of held ?? []) process.stdout.write(chunk);
      held = null;
    }),
  ]);
  return status;
}

/**
 * Runs a program that counts as one test.
 * @param {Turn} turn
 * @param {string} name
 * @param {string[]} args path of a script under the root, and its arguments
 */
async function runCheck(turn, name, args) {
  if ((await run(turn, name, args)) === 0) passed += 1;
  else fail(name);
}

/**
 * Runs a function that counts as one test only when it throws.
 * @param {string} name
 * @param {() => void} step
 */
function countStep(name, step) {
  try {
    step();
    return true;
  } catch (error) {
    fail(name, error);
    return false;
  }
}

/**
 * Runs a vitest project and counts its tests from the JSON report. A suite that ends badly although no test failed
 * (a crash, a file that does not load, an unhandled rejection) counts as one failure.
 * @param {Turn} turn
 * @param {string} project
 */
async function runSuite(turn, project) {
  const folder = mkdtempSync(join(tmpdir(), 'studio-test-'));
  const report = join(folder, 'report.json');
  try {
    const status = await run(turn, `vitest ${project}`, [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ]);
    const failedBefore = failed;
    if (existsSync(report)) count(project, JSON.parse(readFileSync(report, 'utf8')));
    if (status !== 0 && failed === failedBefore) fail(`${project}: vitest ended with exit code ${status}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} project
 * @param {{ testResults: { name: string, status: string, assertionResults: { status: string, fullName: string }[] }[] }} report
 */
function count(project, report) {
  for (const file of report.testResults) {
    const broken = file.assertionResults.filter((test) => test.status === 'failed');
    passed += file.assertionResults.filter((test) => test.status === 'passed').length;
    for (const test of broken) fail(`${project}: ${test.fullName}`);
    if (file.status === 'failed' && broken.length === 0) fail(`${project}: ${file.name} could not be run`);
  }
}

/**
 * @param {string} name
 * @param {unknown} [error]
 */
function fail(name, error) {
  if (error !== undefined) console.error(error instanceof Error ? error.message : error);
  failed += 1;
  failures.push(name);
}

#!/usr/bin/env node
// npm test: every check of the project, one after the other, and at the end one line: `N passed, N failed`.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuild } from './lib/buildApp.mjs';
import { ensureChromium } from './lib/chromium.mjs';
import { ensureDependencies, ROOT } from './lib/dependencies.mjs';

let passed = 0;
let failed = 0;
/** @type {string[]} */
const failures = [];

try {
  ensureDependencies();
  ensureChromium();
  runCheck('Biome', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']);
  runCheck('TypeScript', ['node_modules/typescript/bin/tsc', '--noEmit']);
  runSuite('unit');
  runSuite('gpu');
  if (countStep('Build of the app', ensureBuild)) runSuite('e2e');
} catch (error) {
  fail('Set-up', error);
}

if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
console.log(`${passed} passed, ${failed} failed`);

/**
 * Runs a program that counts as one test.
 * @param {string} name
 * @param {string[]} args path of a script under the root, and its arguments
 */
function runCheck(name, args) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (status === 0) passed += 1;
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
 * @param {string} project
 */
function runSuite(project) {
  console.log(`\n== vitest ${project}`);
  const folder = mkdtempSync(join(tmpdir(), 'studio-test-'));
  const report = join(folder, 'report.json');
  try {
    const { status } = spawnSync(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        '--project',
        project,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
      ],
      { cwd: ROOT, stdio: 'inherit' },
    );
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

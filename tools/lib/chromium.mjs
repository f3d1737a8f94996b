// Finds, or on Debian installs, the Chromium that tests and command-line tools drive.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const APPLICATIONS = {
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  win32: ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].map((name) =>
    join(process.env[name] ?? 'C:\\', 'Google\\Chrome\\Application\\chrome.exe'),
  ),
};

/**
 * Path of the browser to use, or null. `MI_TUNE_CHROMIUM` wins over everything found on the machine.
 * @returns {string | null}
 */
export function findChromium() {
  const chosen = process.env.MI_TUNE_CHROMIUM;
  if (chosen) {
    if (existsSync(chosen)) return chosen;
    throw new Error(`MI_TUNE_CHROMIUM is set to ${chosen}, but there is no such file.`);
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const inPath = COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command)));
  const platform = /** @type {keyof typeof APPLICATIONS} */ (process.platform);
  return [...inPath, ...(APPLICATIONS[platform] ?? [])].find((path) => existsSync(path)) ?? null;
}

/**
 * Like findChromium, but installs Debian's package when there is none and this process may do so.
 * @returns {string}
 */
export function ensureChromium() {
  const found = findChromium();
  if (found) return found;
  const mayInstall =
    process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (mayInstall) {
    console.log('No Chromium found; installing it with apt-get.');
    apt(['update']);
    apt(['install', '-y', '--no-install-recommends', 'chromium']);
    const installed = findChromium();
    if (installed) return installed;
  }
  throw new Error(
    'No Chromium or Chrome found. Install one (Debian or Ubuntu: apt-get install chromium), ' +
      'or set MI_TUNE_CHROMIUM to the path of its executable.',
  );
}

/** @param {string[]} args */
function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status } = spawnSync('apt-get', args, { stdio: 'inherit', env });
  if (status !== 0) throw new Error(`apt-get ${args[0]} failed with exit code ${status}.`);
}

/**
 * True where Chromium can be expected to reach a real GPU. `MI_TUNE_GPU` = hardware | software overrides the guess.
 */
export function hasGpu() {
  const chosen = process.env.MI_TUNE_GPU;
  if (chosen) return chosen === 'hardware';
  if (process.platform !== 'linux') return true;
  const nodes = existsSync('/dev/dri') ? readdirSync('/dev/dri') : [];
  return nodes.some((name) => name.startsWith('renderD')) || existsSync('/dev/nvidia0');
}

/**
 * Launch arguments. WebGPU on Linux needs the unsafe flag and Vulkan; `software` selects SwiftShader, which gives the
 * same results on every machine without a GPU. The rest keeps the browser from making requests of its own.
 * @param {{ software: boolean }} options
 */
export function chromiumArgs({ software }) {
  return [
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    ...(software ? ['--use-webgpu-adapter=swiftshader'] : []),
    '--enable-features=Vulkan',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
  ];
}

#!/usr/bin/env node
// npm start: installs what is missing, builds what is out of date, serves the app on this machine and opens it.

import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DIST, ensureBuild } from './lib/buildApp.mjs';
import { ensureDependencies } from './lib/dependencies.mjs';
import { serveFolder } from './lib/staticServer.mjs';

const USAGE = `Usage: npm start [-- options]

--port N      first port to try (default: 4173; the next free one is taken)
--no-open     do not open a browser
--survey PATH a survey pack, or a folder of packs (.zip), served beside the app; its links are printed
--help        this text`;

try {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      port: { type: 'string', default: '4173' },
      open: { type: 'boolean', default: true },
      survey: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(USAGE);
  else await start(Number(values.port), values.open, packMounts(values.survey));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/**
 * Where the survey packs lie, by the path that they are served under. Nothing else of their folder is.
 * @param {string | undefined} path
 * @returns {Readonly<Record<string, string>>}
 */
function packMounts(path) {
  if (path === undefined) return {};
  const found = statSync(path, { throwIfNoEntry: false });
  const names = found?.isDirectory()
    ? readdirSync(path).map((name) => join(path, name))
    : found
      ? [path]
      : [];
  const packs = names.filter((name) => name.toLowerCase().endsWith('.zip'));
  if (packs.length === 0)
    throw new Error(`--survey wants a survey pack or a folder of them: ${path} is none.`);
  return Object.fromEntries(
    packs.map((pack) => [`/survey/${encodeURIComponent(basename(pack))}`, resolve(pack)]),
  );
}

/**
 * @param {number} port
 * @param {boolean} open
 * @param {Readonly<Record<string, string>>} packs
 */
async function start(port, open, packs) {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error('--port wants a number from 0 to 65535.');
  ensureDependencies();
  ensureBuild();
  const server = await serveFolder({ folder: DIST, port, mounts: packs });
  console.log(`\nMI-Tune Studio is running at ${server.url}`);
  for (const path of Object.keys(packs))
    console.log(`Survey: ${server.url}#survey=${encodeURIComponent(path.slice(1))}`);
  console.log('Press Ctrl-C to stop.');
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => void server.close().then(() => process.exit(0)));
  }
  if (open) openBrowser(server.url);
}

/**
 * Shows the page where there is a display; elsewhere, and when no opener is installed, the printed address has to do.
 * @param {string} url
 */
function openBrowser(url) {
  const openers = { darwin: ['open', url], win32: ['cmd', '/c', 'start', '""', url] };
  const hasDisplay = Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
  const fallback = hasDisplay ? ['xdg-open', url] : null;
  const command = openers[/** @type {keyof typeof openers} */ (process.platform)] ?? fallback;
  const [program, ...args] = command ?? [];
  if (!program) return;
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

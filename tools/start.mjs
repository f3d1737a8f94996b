#!/usr/bin/env node
// npm start: installs what is missing, builds what is out of date, serves the app on this machine and opens it.

import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { DIST, ensureBuild } from './lib/buildApp.mjs';
import { ensureDependencies } from './lib/dependencies.mjs';
import { serveFolder } from './lib/staticServer.mjs';

const USAGE = `Usage: npm start [-- options]

--port N      first port to try (default: 4173; the next free one is taken)
--no-open     do not open a browser
--help        this text`;

try {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      port: { type: 'string', default: '4173' },
      open: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(USAGE);
  else await start(Number(values.port), values.open);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/**
 * @param {number} port
 * @param {boolean} open
 */
async function start(port, open) {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error('--port wants a number from 0 to 65535.');
  ensureDependencies();
  ensureBuild();
  const server = await serveFolder({ folder: DIST, port });
  console.log(`\nMI-Tune Studio is running at ${server.url}\nPress Ctrl-C to stop.`);
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

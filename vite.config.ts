import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { playwright } from '@vitest/browser-playwright';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import packageJson from './package.json' with { type: 'json' };
import { rangeCommands } from './tests/helpers/rangeCommands.ts';
import { chromiumArgs, findChromium } from './tools/lib/chromium.mjs';
import { ISOLATION } from './tools/lib/staticServer.mjs';

const executablePath = findChromium();
const minutes = 60_000;

// Bundled ahead of the first request: discovering one of these later would reload the page in the middle of a run.
const prebundled = [
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-core/dist/register_all_gradients',
  '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops',
  '@tensorflow/tfjs-backend-webgpu',
  '@tensorflow/tfjs-backend-wasm',
  '@huggingface/tokenizers',
  'client-zip',
  'compromise',
  'entities',
  'hash-wasm',
  'idb-keyval',
  'papaparse',
  'react',
  'react-dom/client',
  'uplot',
  'valibot',
  'zustand',
];

/** A hash of all files below the folders: of their names and contents, so the same in every checkout of a commit. */
function hashOf(folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const root = join(import.meta.dirname, folder);
    const found = readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    const paths = found.map((one) => join(one.parentPath, one.name)).sort();
    for (const path of paths) hash.update(path.slice(root.length)).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}

/** The development server puts styles and its preamble into the page, which the policy of the built page forbids. */
const devPolicy: Plugin = {
  name: 'development-policy',
  apply: 'serve',
  transformIndexHtml: (html) => html.replace(/<meta\s+http-equiv="Content-Security-Policy"[^>]*>/, ''),
};

/** Source maps name files by ids of the bundler, which are others in another folder. */
const sameMaps: Plugin = {
  name: 'same-maps',
  apply: 'build',
  enforce: 'post',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === 'asset' && file.fileName.endsWith('.map'))
        file.source = String(file.source).replace(/ROLLDOWN_FILE_URL_[\w$-]+/g, 'ROLLDOWN_FILE_URL');
    }
  },
};

export default defineConfig({
  base: './',
  plugins: [react(), devPolicy, sameMaps],
  define: {
    __APP_VERSION__: JSON.stringify(packageJson.version),
    __KERNEL_CODE__: JSON.stringify(hashOf(['shaders', 'src/tensor', 'wasm'])),
  },
  assetsInclude: ['**/*.safetensors'],
  build: { target: 'es2023', sourcemap: true, chunkSizeWarningLimit: 1500 },
  worker: { format: 'es' },
  server: { host: '127.0.0.1', headers: ISOLATION },
  preview: { host: '127.0.0.1', headers: ISOLATION },
  optimizeDeps: { include: prebundled },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          environment: 'node',
          include: ['tests/unit/**/*.test.{ts,tsx}'],
          // Properties take seconds on a busy machine; only what hangs may fail by time.
          testTimeout: 2 * minutes,
          setupFiles: ['tests/helpers/fixedSeeds.ts'],
        },
      },
      {
        extends: true,
        // The page is an entry too: a test asks for an address that is not there, the server answers with the page, and
        // its dependencies, found as late as that, would reload a test.
        optimizeDeps: { include: ['fast-check'], entries: ['tests/gpu/**/*.test.ts', 'index.html'] },
        test: {
          name: 'gpu',
          include: ['tests/gpu/**/*.test.ts'],
          setupFiles: ['tests/helpers/fixedSeeds.ts'],
          testTimeout: 3 * minutes,
          hookTimeout: 2 * minutes,
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            commands: rangeCommands,
            provider: playwright({
              launchOptions: {
                args: chromiumArgs({ software: true }),
                ...(executablePath ? { executablePath } : {}),
              },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        extends: true,
        // `npm run torture`: as long as it is given.
        test: {
          name: 'torture',
          environment: 'node',
          include: ['tools/torture/**/*.torture.ts'],
          testTimeout: 24 * 60 * minutes,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          environment: 'node',
          include: ['tests/e2e/**/*.test.ts'],
          testTimeout: 12 * minutes,
          hookTimeout: 5 * minutes,
          fileParallelism: false,
        },
      },
    ],
  },
});

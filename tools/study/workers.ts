/** Browser pages that hold the model, each in a process of its own. */
import type { Page } from 'playwright';
import { launchStudio, type Studio } from '../lib/launch.ts';
import { serveDirectory } from '../lib/servePlugin.ts';
import { openToolPage } from '../lib/toolPage.ts';
import type { BaseFolder } from './models.ts';
import {
  ADAPTER_PATH,
  basePath,
  MODEL_PATH,
  type PageRequest,
  type PageResult,
  type Speed,
} from './protocol.ts';

/** A busy machine takes its time to bundle the page. */
const PATIENCE_MS = 300_000;

export type Worker = {
  run(request: PageRequest): Promise<PageResult>;
  speed(): Promise<Speed>;
};

export type Workers = {
  readonly list: readonly Worker[];
  readonly backend: string;
  close(): Promise<void>;
};

/** Folders that pages read from. */
export type WorkerFolders = {
  readonly model: string;
  readonly adapters: string;
  /** Other base models that requests may name. */
  readonly bases?: readonly BaseFolder[];
};

/** Opens `count` pages; the caller closes them, also after an error of its own. */
export async function openWorkers(count: number, folders: WorkerFolders): Promise<Workers> {
  const { model, adapters, bases = [] } = folders;
  const studio = await launchStudio({
    backend: 'wasm',
    from: 'dev',
    vite: {
      plugins: [
        serveDirectory(ADAPTER_PATH, adapters),
        serveDirectory(MODEL_PATH, model),
        ...bases.map(({ digest, folder }) => serveDirectory(basePath(digest), folder)),
      ],
    },
  });
  try {
    const list: Worker[] = [];
    let backend = '';
    for (let i = 0; i < count; i++) {
      const { page, failed } = i === 0 ? studio : await anotherPage(studio);
      backend = await openPage(page, studio.url, failed);
      list.push({
        run: (request) => Promise.race([page.evaluate((asked) => window.studyRun(asked), request), failed]),
        speed: () => Promise.race([page.evaluate(() => window.studySpeed()), failed]),
      });
    }
    return { list, backend, close: () => studio.close() };
  } catch (error) {
    await studio.close();
    throw error;
  }
}

async function anotherPage({ context }: Studio): Promise<Pick<Studio, 'page' | 'failed'>> {
  const page = await context.newPage();
  const failed = new Promise<never>((_, reject) => {
    page.on('crash', () => reject(new Error('A browser tab crashed, most likely out of memory.')));
    page.on('pageerror', (error) => reject(error));
  });
  failed.catch(() => undefined);
  return { page, failed };
}

async function openPage(page: Page, url: string, failed: Promise<never>): Promise<string> {
  page.setDefaultTimeout(PATIENCE_MS);
  await openToolPage({ page, url, failed }, { script: 'tools/study/page.ts', offers: 'studyOpen' });
  const { backend } = await Promise.race([page.evaluate(() => window.studyOpen()), failed]);
  return backend;
}

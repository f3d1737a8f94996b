import type { Studio } from '../lib/launch.ts';
import { watchDispatches } from './meters.ts';
import { imageSize, type RehearseOptions } from './options.ts';

const PATIENCE_MS = 300_000;

/** Loads the page (again) with the rehearsal's settings and waits for its engine. */
export async function openPage(studio: Studio, options: RehearseOptions): Promise<void> {
  const { page, url, failed } = studio;
  // From elsewhere: the same address again would not load the page again.
  await page.goto('about:blank');
  const { backend } = options;
  await page.goto(
    `${url}#v=1&preset=paper&backend=${backend}&sampling.batch=1&sampling.size=${imageSize(options)}`,
  );
  await Promise.race([
    page.waitForSelector('[data-engine=ready], [role=alert]', { timeout: PATIENCE_MS }),
    failed,
  ]);
  await page.evaluate(() => {
    const tell = (window as unknown as { tellEvent(line: string): void }).tellEvent;
    let toldAt = 0;
    window.miTune?.onEvent((_, event) => {
      if (event.type === 'stage') tell(`${event.stage}: begins.`);
      if (event.type === 'warning') tell(`warning: ${event.report.message}`);
      if (event.type !== 'progress' || performance.now() - toldAt < 5000) return;
      toldAt = performance.now();
      tell(`${event.stage}: ${event.done} of ${event.total} ${event.unit}.`);
    });
  });
}

/** Once for each browser: what stays over reloads. */
export async function preparePage({ page }: Studio, log: (line: string) => void): Promise<void> {
  page.setDefaultTimeout(0);
  page.setDefaultNavigationTimeout(0);
  watchDispatches(page);
  await page.exposeFunction('tellEvent', log);
  // Nobody looks: drawing transitions without a GPU takes time from the network.
  await page.emulateMedia({ reducedMotion: 'reduce' });
}

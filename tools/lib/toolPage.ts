// The page of a tool that computes in a browser: empty but for one script of the sources.

import type { Studio } from './launch.ts';

/**
 * Shows a script on a development server, and waits until the page's window has what the tool calls.
 * @param script path below the project's folder
 * @param offers name of a function that the script puts onto the window
 * @throws Error when the script fails, or the page's time is over
 */
export async function openToolPage(
  { page, url, failed }: Pick<Studio, 'page' | 'url' | 'failed'>,
  { script, offers }: { readonly script: string; readonly offers: string },
): Promise<void> {
  await page.goto(`${url}tools/lib/toolPage.html?script=/${script}`);
  await Promise.race([page.waitForFunction((name) => name in window, offers), failed]);
}

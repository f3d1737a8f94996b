import { settleSetting } from './kv.ts';
import { MARK, markOfFiles } from './mark.ts';
import { writeBytes } from './opfs.ts';

/**
 * The mark of the browser's stores, set if there was none. Apart from `mark.ts`, which the page reads too: only an
 * engine can write files.
 */
export async function markStorage(): Promise<string> {
  const mark = String(await settleSetting(MARK, crypto.randomUUID()));
  if ((await markOfFiles()) !== mark) await writeBytes(MARK, new TextEncoder().encode(mark));
  return mark;
}

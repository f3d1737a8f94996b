// The processes of one browser, found by its profile folder: whom a kill is meant for, and nobody else.

import { readdirSync, readFileSync } from 'node:fs';

export type Victim = 'tree' | 'renderer' | 'gpu';

type Process = { readonly id: number; readonly parent: number; readonly command: string };

/** Ends processes of the browser with this profile at once, without a word to them. @returns how many */
export function killProcesses(profile: string, victim: Victim): number {
  const tree = treeOf(profile);
  const chosen = tree.filter(({ command }) =>
    victim === 'tree' ? true : command.includes(victim === 'gpu' ? '--type=gpu-process' : '--type=renderer'),
  );
  for (const { id } of chosen) {
    try {
      process.kill(id, 'SIGKILL');
    } catch {
      // Gone with its parent.
    }
  }
  return chosen.length;
}

/** The browser and everything that it started, the browser first. */
function treeOf(profile: string): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => describe(Number(name)));
  const root = all.find(
    ({ command }) => command.includes(`--user-data-dir=${profile}`) && !command.includes('--type='),
  );
  if (root === undefined) return [];
  const tree = [root];
  for (const parent of tree) tree.push(...all.filter((child) => child.parent === parent.id));
  return tree;
}

function describe(id: number): Process[] {
  try {
    const status = readFileSync(`/proc/${id}/status`, 'utf8');
    const command = readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return [{ id, parent: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0), command }];
  } catch {
    return []; // ended meanwhile
  }
}

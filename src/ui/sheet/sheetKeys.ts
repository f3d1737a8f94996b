import type { KeyboardEvent } from 'react';

const FRAME = 'button[data-frame]';

/** Arrow keys: left and right within a prompt, up and down between prompts; Home and End to its ends. */
export function moveBetweenFrames(event: KeyboardEvent<HTMLElement>): void {
  const current = event.target;
  if (!(current instanceof HTMLElement) || !current.matches(FRAME)) return;
  const row = current.closest('[data-row]');
  if (row === null) return;
  const frames = framesOf(row);
  const at = frames.indexOf(current);
  const target = targetOf(event, row, frames, at);
  if (target === undefined) return;
  event.preventDefault();
  target.focus();
}

function targetOf(
  event: KeyboardEvent,
  row: Element,
  frames: readonly HTMLElement[],
  at: number,
): HTMLElement | undefined {
  switch (event.key) {
    case 'ArrowLeft':
      return frames[at - 1];
    case 'ArrowRight':
      return frames[at + 1];
    case 'Home':
      return frames[0];
    case 'End':
      return frames.at(-1);
    case 'ArrowUp':
    case 'ArrowDown': {
      const rows = [...(row.parentElement?.parentElement?.querySelectorAll('[data-row]') ?? [])];
      // Rows are placed by position, so their order on screen is that of their tops.
      rows.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
      const next = rows[rows.indexOf(row) + (event.key === 'ArrowUp' ? -1 : 1)];
      if (next === undefined) return undefined;
      const others = framesOf(next);
      return others[Math.min(at, others.length - 1)];
    }
    default:
      return undefined;
  }
}

function framesOf(row: Element): HTMLElement[] {
  return [...row.querySelectorAll<HTMLElement>(FRAME)];
}

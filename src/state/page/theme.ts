/** Light, dark, or as the system says; remembered in this browser. */
import { create } from 'zustand';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'mi-tune-theme';

export const useTheme = create<{ readonly theme: Theme }>()(() => ({ theme: 'system' }));

/** Reads the remembered choice and puts it on the document. */
export function restoreTheme(): void {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(KEY);
  } catch {
    // Without storage the system's choice applies.
  }
  show(stored === 'light' || stored === 'dark' ? stored : 'system');
}

export function chooseTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // The choice then lasts until the page is closed.
  }
  show(theme);
}

function show(theme: Theme): void {
  if (theme === 'system') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.dataset.theme = theme;
  useTheme.setState({ theme });
}

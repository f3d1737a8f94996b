import { useSyncExternalStore } from 'react';
import { useTheme } from '../../state/page/theme.ts';

const TOKENS = ['ink', 'ink-2', 'ink-3', 'line', 'signal', 'mark-line', 'good', 'bad', 'panel'] as const;
export type Palette = Readonly<Record<(typeof TOKENS)[number], string>> & { readonly font: string };

const darkScheme = () => matchMedia('(prefers-color-scheme: dark)');

/** The page's color tokens as resolved colors, for canvases; new whenever the scheme changes. */
export function usePalette(): Palette {
  const theme = useTheme((state) => state.theme);
  const systemDark = useSyncExternalStore(watchScheme, () => darkScheme().matches);
  return paletteFor(theme === 'system' ? systemDark : theme === 'dark');
}

const palettes = new Map<boolean, Palette>();

function paletteFor(dark: boolean): Palette {
  const known = palettes.get(dark);
  if (known !== undefined) return known;
  const colors = TOKENS.map((token) => [token, resolveColor(token, dark)]);
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const palette = { ...Object.fromEntries(colors), font } as Palette;
  palettes.set(dark, palette);
  return palette;
}

/**
 * Custom properties are not resolved by themselves, so each is read through a color that uses it. An element of its own
 * for each: changing the color of one would begin a transition, and the reading would be where that begins.
 */
function resolveColor(token: string, dark: boolean): string {
  const probe = document.createElement('span');
  probe.style.colorScheme = dark ? 'dark' : 'light';
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function watchScheme(listener: () => void): () => void {
  const query = darkScheme();
  query.addEventListener('change', listener);
  return () => query.removeEventListener('change', listener);
}

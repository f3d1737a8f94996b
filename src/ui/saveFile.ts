import type { NamedBytes } from '../contract/runTypes.ts';

const REVOKE_AFTER_MS = 60_000;

/** Hands bytes to the browser as an ordinary download. */
export function saveFile({ name, bytes }: NamedBytes): void {
  saveBlob(name, new Blob([new Uint8Array(bytes)]));
}

export function saveBlob(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  // The download may still be reading when `click` returns.
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_AFTER_MS);
}

export function saveText(name: string, text: string): void {
  saveFile({ name, bytes: new TextEncoder().encode(text) });
}

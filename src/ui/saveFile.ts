import type { NamedBytes } from '../contract/runTypes.ts';

const REVOKE_AFTER_MS = 60_000;
/** A file of gigabytes is copied for minutes, and its address must hold until then. */
const REVOKE_LARGE_AFTER_MS = 60 * 60_000;
const LARGE_BYTES = 100e6;

/** Hands bytes to the browser as an ordinary download. */
export function saveFile({ name, bytes }: NamedBytes): void {
  saveBlob(name, new Blob([new Uint8Array(bytes)]));
}

/** The same for what may lie in the page's storage. */
export function saveBlob(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  // The download may still be reading when `click` returns.
  setTimeout(
    () => URL.revokeObjectURL(url),
    blob.size < LARGE_BYTES ? REVOKE_AFTER_MS : REVOKE_LARGE_AFTER_MS,
  );
}

export function saveText(name: string, text: string): void {
  saveFile({ name, bytes: new TextEncoder().encode(text) });
}

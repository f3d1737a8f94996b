import type { NamedBytes } from '../contract/runTypes.ts';

const REVOKE_AFTER_MS = 60_000;

/** Hands bytes to the browser as an ordinary download. */
export function saveFile({ name, bytes }: NamedBytes): void {
  const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)]));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  // The download may still be reading when `click` returns.
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_AFTER_MS);
}

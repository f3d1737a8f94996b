/** Parts of web addresses, which come from links, files and servers: nothing here throws, whatever they are. */

/** Percent-encoded text as it was meant, or as it stands where the encoding is broken. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The host that an address leads to when a page uses it; null for the page's own server and for what is no address. */
export function foreignHost(address: string, pageUrl: string): string | null {
  if (!URL.canParse(address, pageUrl)) return null;
  const url = new URL(address, pageUrl);
  return url.origin === new URL(pageUrl).origin ? null : url.host;
}

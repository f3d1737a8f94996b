/** Links to surveys: `#survey=` and the address of a pack, on any server or beside the page. */
import { StudioError } from '../../lib/errors.ts';
import { foreignHost } from '../../lib/webAddress.ts';

const MAX_ADDRESS = 2000;

/** What a link asks for: a pack at an address, or (empty) whatever pack is dropped. Null for all other links. */
export function surveyAddress(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, '')).get('survey');
}

/** The link that opens the pack at an address. */
export function surveyLink(address: string, pageUrl: string): string {
  const page = new URL(pageUrl);
  return `${page.origin}${page.pathname}#${new URLSearchParams({ survey: address.trim() })}`;
}

/**
 * The address in full, and the other server that it leads to, if it does.
 * @throws StudioError `survey-address`
 */
export function readAddress(
  address: string,
  pageUrl: string,
): { readonly url: string; readonly host: string | null } {
  const canRead = address.length <= MAX_ADDRESS && URL.canParse(address, pageUrl);
  const url = canRead ? new URL(address, pageUrl) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new StudioError('survey-address', 'The link names no survey that can be opened.', {
      remedy: 'Ask for the link again, or for the pack as a file, and drop that here.',
      where: address.slice(0, 200),
    });
  }
  return { url: url.href, host: foreignHost(url.href, pageUrl) };
}

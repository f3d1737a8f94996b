/**
 * The only way to make code of text (Trusted Types): scripts of the page's own server, for its workers and theirs. Markup and script
 * text are never made of strings; whoever tries gets a TypeError from the browser.
 */

type PolicyFactory = {
  createPolicy(name: string, rules: { createScriptURL(address: string): string | null }): unknown;
};

/** Call before a worker is started, in the page as in a worker. Does nothing in browsers that do not know Trusted Types. */
export function restrictScripts(): void {
  const factory = (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes;
  factory?.createPolicy('default', {
    createScriptURL: (address) => (isOwnScript(address, location.href) ? address : null),
  });
}

/** True for what the page's own server serves. */
function isOwnScript(address: string, page: string): boolean {
  return URL.canParse(address, page) && new URL(address, page).origin === new URL(page).origin;
}

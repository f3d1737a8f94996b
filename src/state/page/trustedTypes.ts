/**
 * The page's only way to make code of text (Trusted Types): scripts of its own server, for its worker. Markup and script
 * text are never made of strings; whoever tries gets a TypeError from the browser.
 */

type PolicyFactory = {
  createPolicy(name: string, rules: { createScriptURL(address: string): string | null }): unknown;
};

/** Call before the engine is started. Does nothing in browsers that do not know Trusted Types. */
export function restrictScripts(): void {
  const factory = (window as { trustedTypes?: PolicyFactory }).trustedTypes;
  factory?.createPolicy('default', {
    createScriptURL: (address) => (isOwnScript(address, location.href) ? address : null),
  });
}

/** True for what the page's own server serves. */
export function isOwnScript(address: string, page: string): boolean {
  return URL.canParse(address, page) && new URL(address, page).origin === new URL(page).origin;
}

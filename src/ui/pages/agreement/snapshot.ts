const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
/** Browsers leave out a `font` with a variable in it when they write rules down. */
const FRAME =
  'body { max-width: 1100px; margin: 32px auto; padding: 0 24px; font-family: var(--font); font-size: 0.875rem; line-height: 1.5; }';

/**
 * A part of the page as a file of its own: its elements, its styles, and its canvases as pictures. Nothing runs in it and
 * it asks for nothing, which its policy says once more.
 */
export function snapshot(part: HTMLElement, title: string): string {
  const copy = part.cloneNode(true) as HTMLElement;
  const drawn = [...part.querySelectorAll('canvas')];
  for (const [i, canvas] of [...copy.querySelectorAll('canvas')].entries()) {
    const picture = document.createElement('img');
    picture.src = drawn[i]?.toDataURL('image/png') ?? '';
    picture.alt = canvas.getAttribute('aria-label') ?? '';
    picture.className = canvas.className;
    for (const [name, value] of Object.entries(canvas.dataset)) picture.dataset[name] = value ?? '';
    canvas.replaceWith(picture);
  }
  // Put together as text: a style element made here would fall under the policy of this page.
  const head = [
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    element('title', title),
    `<style>${styleRules()}\n${FRAME}</style>`,
  ].join('\n');
  return `<!doctype html>\n<html lang="en">\n<head>\n${head}\n</head>\n<body>\n${element('h1', title)}\n${copy.outerHTML}\n</body>\n</html>\n`;
}

/** The text as markup, with what has a meaning there escaped. */
function element(name: 'h1' | 'title', text: string): string {
  const made = document.createElement(name);
  made.textContent = text;
  return made.outerHTML;
}

/** All rules in force: a few kilobytes, and no class has to be looked for. */
function styleRules(): string {
  return [...document.styleSheets]
    .flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText))
    .join('\n');
}

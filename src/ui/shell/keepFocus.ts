/**
 * The keyboard's place. When the focused control goes away or is switched off, browsers let the focus fall to the
 * document, and the next Tab begins at its top: here it moves to the nearest part of the page that is still there.
 */

const LANDMARKS = 'section, nav, header, main, [role="dialog"]';

/** Watches the whole page. Returns the function that ends it. */
export function keepFocus(): () => void {
  let last: Element | null = null;
  let around: readonly HTMLElement[] = [];
  const onFocus = ({ target }: FocusEvent) => {
    if (!(target instanceof HTMLElement)) return;
    last = target;
    around = landmarksOf(target);
  };
  const check = () => {
    if (last === null || document.activeElement !== document.body) return;
    if (last.isConnected && !last.matches(':disabled')) return;
    last = null;
    const next = around.find((element) => element.isConnected) ?? document.getElementById('content');
    if (next === null) return;
    if (!next.hasAttribute('tabindex')) next.tabIndex = -1;
    next.focus({ preventScroll: true });
  };
  // Only once the page is drawn does a control that was switched off lose the focus.
  let asked = 0;
  const observer = new MutationObserver(() => {
    if (asked !== 0) return;
    asked = requestAnimationFrame(() => {
      asked = requestAnimationFrame(() => {
        asked = 0;
        check();
      });
    });
  });
  document.addEventListener('focusin', onFocus);
  observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ['disabled'] });
  return () => {
    document.removeEventListener('focusin', onFocus);
    observer.disconnect();
    cancelAnimationFrame(asked);
  };
}

/** From the inside out. */
function landmarksOf(element: Element): readonly HTMLElement[] {
  const found: HTMLElement[] = [];
  for (let at = element.parentElement; at !== null; at = at.parentElement) {
    if (at.matches(LANDMARKS)) found.push(at);
  }
  return found;
}

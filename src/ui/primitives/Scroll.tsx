import type { ReactNode } from 'react';

type ScrollProps = {
  /** What is in it, for those who do not see it. */
  readonly label: string;
  readonly className: string | undefined;
  readonly children: ReactNode;
};

/** A region that may be larger than its place and then scrolls, by keyboard too. */
export function Scroll({ label, className, children }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
    <section className={className} tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

import { Collapsible } from '@base-ui/react/collapsible';
import type { ReactNode } from 'react';
import styles from './controls.module.css';
import { Icon } from './Icon.tsx';

type DisclosureProps = { readonly label: string; readonly children: ReactNode };

/** Details that few need, behind their name. */
export function Disclosure({ label, children }: DisclosureProps) {
  return (
    <Collapsible.Root>
      <Collapsible.Trigger className={styles.trigger}>
        <Icon name="updown" />
        {label}
      </Collapsible.Trigger>
      <Collapsible.Panel className={styles.panel}>{children}</Collapsible.Panel>
    </Collapsible.Root>
  );
}

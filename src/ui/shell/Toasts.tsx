import { Toast } from '@base-ui/react/toast';
import { type ReactNode, useEffect } from 'react';
import { useNotices } from '../../state/page/notices.ts';
import { Icon } from '../primitives/Icon.tsx';
import styles from './Toasts.module.css';

const manager = Toast.createToastManager();

/** Short confirmations that pass by. */
export function Toasts({ children }: { readonly children: ReactNode }) {
  const confirmation = useNotices((state) => state.confirmation);
  useEffect(() => {
    if (confirmation !== null) manager.add({ title: confirmation.text });
  }, [confirmation]);
  return (
    <Toast.Provider toastManager={manager} timeout={5000} limit={2}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className={styles.viewport}>
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={styles.toast} swipeDirection="right">
      <Toast.Title className={styles.title} />
      {/* The library hides it from readers until the list has the focus, and leaves it in the order of tabs. */}
      <Toast.Close className={styles.close} aria-label="Close message" aria-hidden={false}>
        <Icon name="close" />
      </Toast.Close>
    </Toast.Root>
  ));
}

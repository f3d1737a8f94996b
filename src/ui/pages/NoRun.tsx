import { goTo } from '../../state/page/navigation.ts';
import { Button } from '../primitives/Button.tsx';
import styles from './page.module.css';

/** What stage pages show while no run is open. */
export function NoRun({ title }: { readonly title: string }) {
  return (
    <div className={styles.empty}>
      <h1>{title}</h1>
      <p>No run is open. Start one, or open one from the list on the start page.</p>
      <br />
      <Button onClick={() => goTo('start')}>Go to start</Button>
    </div>
  );
}

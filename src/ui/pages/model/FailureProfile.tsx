import { PROFILE_TASKS } from '../../../contract/profile.ts';
import { PROFILES } from '../../../sources/catalog.ts';
import { Disclosure } from '../../primitives/Disclosure.tsx';
import styles from './ModelInUse.module.css';

/** How a model fails beside Stable Diffusion 2.1, and what that means for MI-TUNE; nothing for models not measured. */
export function FailureProfile({ id }: { readonly id: string }) {
  const profile = PROFILES[id];
  if (profile === undefined) return null;
  return (
    <Disclosure label="How it fails, beside Stable Diffusion 2.1">
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Share of images</th>
            <th scope="col">This model</th>
            <th scope="col">SD 2.1 on GenEval</th>
          </tr>
        </thead>
        <tbody>
          {PROFILE_TASKS.map(({ id: task, title, reference }) => (
            <tr key={task}>
              <th scope="row">{title}</th>
              <td>{profile[task].toFixed(2)}</td>
              <td>{[...new Set(reference)].map((value) => value.toFixed(2)).join(' to ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className={styles.note}>
        These faults decide what MI-TUNE can mend: MI sees strongly that an object is missing, somewhat that a
        relation is wrong, and hardly that two colors are swapped.
      </p>
    </Disclosure>
  );
}

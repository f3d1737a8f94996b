import { useMemo } from 'react';
import { disagreements, type PairedPrompt } from '../../../analysis/agreement.ts';
import type { NamedScore } from '../../../state/run/agreement.ts';
import { useGallery } from '../../../state/run/gallery.ts';
import type { OpenRun } from '../../../state/run/runs.ts';
import { CandidatePicture } from '../../primitives/Picture.tsx';
import styles from './Agreement.module.css';

const SHOWN = 3;

type DisagreementsProps = {
  readonly run: OpenRun;
  readonly ordering: NamedScore;
  readonly against: NamedScore;
  readonly pairs: readonly PairedPrompt[];
};

/** The images on which the two scores disagree most, to judge by eye which is right. */
export function Disagreements({ run, ordering, against, pairs }: DisagreementsProps) {
  const round = useGallery((state) => state.round);
  const worst = useMemo(() => disagreements(pairs, SHOWN), [pairs]);
  return (
    <section className={styles.section} aria-labelledby="disagree-title">
      <h2 id="disagree-title">
        Where {ordering.label} and {against.label} disagree most
      </h2>
      <ul className={styles.images} data-disagreements>
        {worst.map(({ prompt, candidate, ranks, of }) => (
          <li key={prompt}>
            <CandidatePicture
              at={{ runId: run.summary.id, round, prompt, candidate }}
              alt={run.spec.prompts[prompt] ?? ''}
              crisp
            />
            <p>“{run.spec.prompts[prompt] ?? ''}”</p>
            <dl className={styles.ranks}>
              {[ordering, against].map(({ name, label }, i) => (
                <div key={name}>
                  <dt>{label}</dt>
                  <dd>
                    rank {ranks[i]} of {of}
                  </dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ul>
    </section>
  );
}

import { useMemo } from 'react';
import type { LoadedAnswers } from '../../../../state/survey/answers.ts';
import { raterAgreement } from '../../../../survey/raters.ts';
import { formatNumber, formatPlural } from '../../../format.ts';
import styles from './Analyze.module.css';

/** Whether people agree with each other about the same images. */
export function RatersView({ files }: { readonly files: readonly LoadedAnswers[] }) {
  const found = useMemo(() => raterAgreement(files.map(({ file }) => file)), [files]);
  const { alpha, byColumn, prompts, values } = found;
  return (
    <section className={styles.section} aria-labelledby="raters-title">
      <h2 id="raters-title">Do people agree?</h2>
      {prompts === 0 ? (
        <p>No prompt was seen in two surveys, so this cannot be told.</p>
      ) : (
        <p>
          Krippendorff’s alpha <strong>{formatNumber(alpha.estimate, 2)}</strong>
          {Number.isNaN(alpha.low)
            ? ''
            : `, 95% interval over prompts ${formatNumber(alpha.low, 2)} to ${formatNumber(alpha.high, 2)}`}
          : {formatPlural(values, 'answer')} about the images of {formatPlural(prompts, 'prompt')} that at
          least two surveys showed.
        </p>
      )}
      {prompts === 0 ? null : (
        <p>
          By column:{' '}
          {byColumn.map((column) => `${column.column} ${formatNumber(column.alpha, 2)}`).join(', ')}.
        </p>
      )}
      <p className={styles.note}>
        1 is full agreement, 0 what chance would give, for selected against not selected. Alpha rather than
        Fleiss’ kappa, since surveys show different prompts and images have different numbers of answers.
        Below 0.67 it is customary to draw no firm conclusions.
      </p>
    </section>
  );
}

import { useMemo } from 'react';
import { type Agreement, agreementOf, pairScores } from '../../../analysis/agreement.ts';
import type { Summary } from '../../../analysis/summary.ts';
import type { NamedScore } from '../../../state/run/agreement.ts';
import { formatNumber, formatPlural } from '../../format.ts';
import { Scroll } from '../../primitives/Scroll.tsx';
import styles from './Agreement.module.css';

type AgreementTableProps = { readonly ordering: NamedScore; readonly others: readonly NamedScore[] };

/** One line for each other score: rank correlations, and what a choice by the first score gains in the other. */
export function AgreementTable({ ordering, others }: AgreementTableProps) {
  const rows = useMemo(
    () => others.map((other) => ({ other, found: agreementOf(pairScores(ordering, other)) })),
    [ordering, others],
  );
  return (
    <section className={styles.section} aria-labelledby="tau-title">
      <h2 id="tau-title">{ordering.label} against the others</h2>
      <Scroll label="Table of agreement" className={styles.scroll}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Held against</th>
              <th scope="col">
                Kendall’s tau<span className={styles.detail}>all images</span>
              </th>
              <th scope="col">
                Kendall’s tau<span className={styles.detail}>ranks first, middle, last</span>
              </th>
              <th scope="col">
                Spearman’s rho<span className={styles.detail}>all images</span>
              </th>
              <th scope="col">
                Gain of the top choice<span className={styles.detail}>of the most there is</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ other, found }) => (
              <Row key={other.name} label={other.label} found={found} />
            ))}
          </tbody>
        </table>
      </Scroll>
      <p className={styles.note}>
        Means over prompts, with 95% intervals by bootstrap over prompts (none below four prompts). Tau-b: 1
        is the same order, 0 what chance gives, −1 the reverse; a prompt in which a score is the same
        everywhere has none and is left out. The gain is in the units of the other score: its value for the
        image that {ordering.label} puts first, minus its mean over the prompt’s images.
      </p>
      <p className={styles.note}>
        The paper’s figure is the second column: MI against another metric over the images at ranks 1, 25 and
        50 of 50, 700 prompts. It reports about 0.4 for BLIP-VQA and 0.68 for HPS; quoted from secondary
        notes, so look them up before you rely on them.
      </p>
    </section>
  );
}

function Row({ label, found }: { readonly label: string; readonly found: Agreement }) {
  return (
    <tr>
      <th scope="row">
        {label}
        <span className={styles.detail}>
          {formatPlural(found.prompts, 'prompt')}, {formatPlural(found.candidates, 'image')}
        </span>
      </th>
      <td>
        <Mean value={found.tau} />
      </td>
      <td>
        <Mean value={found.tauOfThree} />
      </td>
      <td>
        <Mean value={found.rho} />
      </td>
      <td>
        <Mean value={found.gain} />
        <span className={styles.detail}>of {formatShort(found.bestGain.estimate)}</span>
      </td>
    </tr>
  );
}

function Mean({ value: { estimate, low, high } }: { readonly value: Summary }) {
  return (
    <>
      <strong>{formatShort(estimate)}</strong>
      {Number.isNaN(low) ? null : (
        <span className={styles.detail}>
          {formatShort(low)} to {formatShort(high)}
        </span>
      )}
    </>
  );
}

/** Sums of thirds that cancel leave 1e-17, which is 0. */
function formatShort(value: number): string {
  return formatNumber(Math.abs(value) < 1e-12 ? 0 : value, 2);
}

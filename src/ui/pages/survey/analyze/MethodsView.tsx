import { PAPER_METHODS } from '../../../../survey/paper.ts';
import type { MethodTable } from '../../../../survey/tables.ts';
import { formatPlural } from '../../../format.ts';
import { Scroll } from '../../../primitives/Scroll.tsx';
import styles from './Analyze.module.css';
import { Caution } from './PatternsView.tsx';
import { ShareCell } from './ShareCell.tsx';

/** Table 4: how often each method's image was selected, by category. */
export function MethodsView({ table }: { readonly table: MethodTable }) {
  return (
    <section className={styles.section} aria-labelledby="methods-title">
      <h2 id="methods-title">How often each method was selected (the paper’s Table 4)</h2>
      <Scroll label="Table of methods" className={styles.scroll}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Percent of rounds</th>
              {table.categories.map(({ name, rounds }) => (
                <th key={name} scope="col">
                  {name}
                  <span className={styles.detail}>{formatPlural(rounds, 'round')}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.methods.map((method, i) => (
              <tr key={method}>
                <th scope="row">{method}</th>
                {table.categories.map(({ name, byMethod }) => (
                  <ShareCell key={name} share={byMethod[i]} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <Caution />
      <p className={styles.note}>
        The paper had {PAPER_METHODS.surveys} surveys of {PAPER_METHODS.rounds} rounds; the shares in its
        Table 4 are not known here, so none stand beside these.
      </p>
    </section>
  );
}

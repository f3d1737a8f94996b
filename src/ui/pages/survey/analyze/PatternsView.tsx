import { PAPER_METRICS_COLUMNS, PAPER_METRICS_GROUPS } from '../../../../survey/paper.ts';
import { type PatternTable, patternName, patternsOf } from '../../../../survey/tables.ts';
import { formatPlural } from '../../../format.ts';
import { Scroll } from '../../../primitives/Scroll.tsx';
import styles from './Analyze.module.css';
import { ShareCell } from './ShareCell.tsx';

/** Table 3: how often each pattern of selection was given, per group, and how often each score's image was selected. */
export function PatternsView({ table }: { readonly table: PatternTable }) {
  const { columns, groups } = table;
  const comparable = PAPER_METRICS_COLUMNS.join() === columns.join();
  const paperOf = (name: string) =>
    comparable ? PAPER_METRICS_GROUPS.find((group) => group.name === name) : undefined;
  return (
    <section className={styles.section} aria-labelledby="patterns-title">
      <h2 id="patterns-title">Which images were selected together (the paper’s Table 3)</h2>
      <Scroll label="Table of patterns" className={styles.scroll}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Percent of rounds</th>
              {groups.map(({ name, surveys, rounds }) => (
                <th key={name} scope="col">
                  {name}
                  <span className={styles.detail}>
                    {formatPlural(surveys, 'survey')}, {formatPlural(rounds, 'round')}
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {patternsOf(columns.length).map((pattern, i) => {
              const name = patternName(columns, pattern);
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {groups.map((group) => (
                    <ShareCell
                      key={group.name}
                      share={group.patterns[i]}
                      paper={paperOf(group.name)?.patterns?.[name]}
                    />
                  ))}
                </tr>
              );
            })}
          </tbody>
          <tbody className={styles.sums}>
            {columns.map((column, i) => (
              <tr key={column}>
                <th scope="row">{column}, alone or with others</th>
                {groups.map((group) => (
                  <ShareCell
                    key={group.name}
                    share={group.byColumn[i]}
                    paper={paperOf(group.name)?.byColumn?.[column]}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <Caution />
      <PaperNote comparable={comparable} />
    </section>
  );
}

/** When not to trust the intervals. */
export function Caution() {
  return (
    <p className={styles.note}>
      Intervals are Wilson’s at 95%, as if every round were another person’s. Rounds of one survey are one
      person’s, so the true intervals are wider, the more so the fewer people there are.
    </p>
  );
}

function PaperNote({ comparable }: { readonly comparable: boolean }) {
  const groups = PAPER_METRICS_GROUPS.map(
    ({ name, people, surveys }) => `${name} (${people} people, ${surveys} surveys)`,
  );
  return (
    <p className={styles.note}>
      The paper’s groups: {groups.join(', ')}.{' '}
      {comparable
        ? 'A group named as one of them is shown with'
        : 'Columns mi, blip, hps would be shown with'}{' '}
      the numbers that the paper reports of it, as far as they are known here: those of academics, without the
      patterns that leave out MI.
    </p>
  );
}

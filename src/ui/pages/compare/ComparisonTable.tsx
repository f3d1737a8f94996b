import type { ComparedImage, Comparison } from '../../../contract/comparison.ts';
import { mean } from '../../../lib/stats.ts';
import { chosenMethod } from '../../../methods/registry.ts';
import { METRICS } from '../../../metrics/registry.ts';
import { formatChange, formatNumber, formatPlural } from '../../format.ts';
import { formatMetric, shownMetrics } from '../../metrics.ts';
import { Picture } from '../../primitives/Picture.tsx';
import { Scroll } from '../../primitives/Scroll.tsx';
import styles from './ComparisonTable.module.css';

type ComparisonTableProps = {
  readonly comparison: Comparison;
  /** What an adapter is called. */
  readonly adapterName: (adapter: string) => string;
};

/** The same prompts and seeds in every column, with cost and scores on top. */
export function ComparisonTable({ comparison, adapterName }: ComparisonTableProps) {
  const { columns, rows } = comparison;
  const titles = columns.map((column) => titleOf(column, adapterName));
  const prompts = [...new Set(rows.map(({ prompt }) => prompt))];
  return (
    <Scroll label="Comparison" className={styles.scroll}>
      <table className={styles.table}>
        <caption className={styles.caption}>
          {formatPlural(prompts.length, 'prompt')}, the same seeds in every column, {comparison.steps} steps
          at guidance {comparison.guidance}. MI ranks within a prompt; a higher number is not yet a better
          picture.
        </caption>
        <thead>
          <tr>
            <th scope="col">
              <span className={styles.corner}>Prompt and seed</span>
            </th>
            {titles.map((title, n) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns may be alike
              <th key={n} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className={styles.sums}>
          <Line title="Network evaluations, an image" values={columns.map((column) => costOf(column))} />
          <Line
            title="Seconds, an image"
            values={columns.map(({ secondsPerImage }) => formatNumber(secondsPerImage, 2))}
          />
          <Line
            title="MI, mean"
            values={meansOf(
              rows,
              ({ score }) => score,
              (value) => formatNumber(value, 3),
            )}
          />
          {METRICS.filter(({ name }) =>
            rows.some(({ images }) => images.some(({ metrics }) => name in metrics)),
          ).map((metric) => (
            <Line
              key={metric.name}
              title={`${metric.title}, mean`}
              values={meansOf(
                rows,
                ({ metrics }) => metrics[metric.name]?.value ?? Number.NaN,
                (value) => formatMetric(metric, value),
              )}
            />
          ))}
        </tbody>
        <tbody>
          {rows.map(({ prompt, seed, images }) => (
            <tr key={`${seed} ${prompt}`}>
              <th scope="row">
                <span className={styles.prompt}>{prompt}</span>
                <span className={styles.seed}>seed {seed}</span>
              </th>
              {images.map((image, n) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns may be alike
                <td key={n}>
                  <Cell
                    shown={image}
                    alt={`${prompt}, seed ${seed}, ${titles[n]}`}
                    change={n === 0 ? null : image.score - (images[0]?.score ?? Number.NaN)}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Line({ title, values }: { readonly title: string; readonly values: readonly string[] }) {
  return (
    <tr>
      <th scope="row">{title}</th>
      {values.map((value, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: columns may be alike
        <td key={n}>{value}</td>
      ))}
    </tr>
  );
}

type CellProps = {
  readonly shown: ComparedImage;
  readonly alt: string;
  /** Of the score, against the first column. */
  readonly change: number | null;
};

function Cell({ shown: { image, score, metrics }, alt, change }: CellProps) {
  return (
    <figure className={styles.figure}>
      <Picture image={image} alt={alt} />
      <figcaption>
        <span className={styles.line}>
          <span>MI</span>
          <span>
            {formatNumber(score, 3)}
            {change === null ? '' : ` (${formatChange(change)})`}
          </span>
        </span>
        {shownMetrics(metrics).map(({ metric, text, full }) => (
          <span key={metric.name} className={styles.line} data-full={full}>
            <span>{metric.short}</span>
            <span>{text}</span>
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

type Column = Comparison['columns'][number];

function titleOf(
  { adapter, drawnBy, strength = 1 }: Column,
  adapterName: (adapter: string) => string,
): string {
  const model = adapter === null ? 'Base model' : adapterName(adapter);
  const how = drawnBy === undefined ? '' : `, ${chosenMethod(drawnBy).method.title}`;
  return `${model}${adapter === null || strength === 1 ? '' : ` at ${formatNumber(strength, 2)}`}${how}`;
}

function costOf({ evaluations, drawnBy }: Column): string {
  return drawnBy === undefined ? String(evaluations) : `at most ${evaluations}`;
}

/** The mean of each column over the rows that have the number, with its change against the first column. */
function meansOf(
  rows: Comparison['rows'],
  value: (image: ComparedImage) => number,
  format: (mean: number) => string,
): readonly string[] {
  const columns = rows[0]?.images.length ?? 0;
  const known = rows.filter(({ images }) => images.every((image) => Number.isFinite(value(image))));
  return Array.from({ length: columns }, (_, n) =>
    known.length === 0 ? '–' : format(mean(known.map(({ images }) => value(images[n] as ComparedImage)))),
  );
}

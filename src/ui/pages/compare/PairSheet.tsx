import type { MetricRecord, PixelImage } from '../../../contract/events.ts';
import type { ComparePair } from '../../../contract/protocol.ts';
import { formatChange, formatNumber } from '../../format.ts';
import { shownMetrics } from '../../metrics.ts';
import { Picture } from '../../primitives/Picture.tsx';
import styles from './PairSheet.module.css';

/** Pairs of images by prompt, before on the left. */
export function PairSheet({ pairs }: { readonly pairs: readonly ComparePair[] }) {
  const prompts = [...new Set(pairs.map((pair) => pair.prompt))];
  return (
    <div className={styles.sheet}>
      {prompts.map((prompt) => (
        <section key={prompt} className={styles.row} aria-label={prompt}>
          <h3>{prompt}</h3>
          <ul className={styles.pairs}>
            {pairs
              .filter((pair) => pair.prompt === prompt)
              .map((pair) => (
                <Pair key={pair.seed} pair={pair} />
              ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function Pair({ pair }: { readonly pair: ComparePair }) {
  const { prompt, seed, scoreBefore, scoreAfter } = pair;
  return (
    <li className={styles.pair}>
      <Side
        words="before"
        alt={`${prompt}, seed ${seed}`}
        image={pair.before}
        score={scoreBefore}
        metrics={pair.metricsBefore}
      />
      <Side
        words="after"
        alt={`${prompt}, seed ${seed}`}
        image={pair.after}
        score={scoreAfter}
        metrics={pair.metricsAfter}
      />
      <p className={styles.note}>
        seed {seed}, score {formatChange(scoreAfter - scoreBefore)}
      </p>
    </li>
  );
}

type SideProps = {
  readonly words: 'before' | 'after';
  readonly alt: string;
  readonly image: PixelImage;
  readonly score: number;
  readonly metrics: MetricRecord;
};

function Side({ words, alt, image, score, metrics }: SideProps) {
  return (
    <figure>
      <Picture image={image} alt={`${alt}, ${words}`} />
      <figcaption>
        <span className={styles.line}>
          <span>{words}</span>
          <span>{formatNumber(score, 3)}</span>
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

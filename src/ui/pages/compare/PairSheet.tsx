import type { ComparePair } from '../../../engine/protocol.ts';
import { formatChange, formatNumber, formatPercent } from '../../format.ts';
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
  const { prompt, seed, before, after, scoreBefore, scoreAfter, exactBefore, exactAfter } = pair;
  return (
    <li className={styles.pair}>
      <figure>
        <Picture image={before} alt={`${prompt}, seed ${seed}, before`} />
        <figcaption>
          before {formatNumber(scoreBefore, 3)}
          {exactBefore === null ? null : <span> exact {formatPercent(exactBefore.share)}</span>}
        </figcaption>
      </figure>
      <figure>
        <Picture image={after} alt={`${prompt}, seed ${seed}, after`} />
        <figcaption>
          after {formatNumber(scoreAfter, 3)}
          {exactAfter === null ? null : <span> exact {formatPercent(exactAfter.share)}</span>}
        </figcaption>
      </figure>
      <p className={styles.note}>
        seed {seed}, score {formatChange(scoreAfter - scoreBefore)}
      </p>
    </li>
  );
}
